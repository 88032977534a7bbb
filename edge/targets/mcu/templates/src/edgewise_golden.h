/* Golden vectors: pictures and the scores that TFLite Micro's reference kernels gave for them on the host. */
#ifndef EDGEWISE_GOLDEN_H
#define EDGEWISE_GOLDEN_H

#include <stdint.h>

#include "edgewise_contract.h"

/* Set to 0 to leave the golden vectors, @{golden_bytes} bytes of flash, and the self-test out. A linker that drops what
   is not used (-fdata-sections, --gc-sections) leaves them out by itself where self_test() is not called. */
#ifndef EDGEWISE_WITH_SELF_TEST
#define EDGEWISE_WITH_SELF_TEST 1
#endif

#define EDGEWISE_GOLDEN_VECTORS @{golden_count}
/* The largest difference of a score: @{tolerance_words}. */
#define EDGEWISE_GOLDEN_TOLERANCE @{tolerance}

#ifdef __cplusplus
extern "C" {
#endif

#if EDGEWISE_WITH_SELF_TEST
extern const uint8_t edgewise_golden_inputs[EDGEWISE_GOLDEN_VECTORS][EDGEWISE_INPUT_BYTES];
extern const float edgewise_golden_scores[EDGEWISE_GOLDEN_VECTORS][EDGEWISE_LABELS];
#endif

#ifdef __cplusplus
}
#endif

#endif
