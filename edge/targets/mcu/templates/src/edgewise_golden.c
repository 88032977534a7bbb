#include "edgewise_golden.h"

#if EDGEWISE_WITH_SELF_TEST

const uint8_t edgewise_golden_inputs[EDGEWISE_GOLDEN_VECTORS][EDGEWISE_INPUT_BYTES] = {
@{golden_inputs}
};

const float edgewise_golden_scores[EDGEWISE_GOLDEN_VECTORS][EDGEWISE_LABELS] = {
@{golden_scores}
};

#endif

/* A translation unit of ISO C is never empty. */
typedef int edgewise_golden_translation_unit;
