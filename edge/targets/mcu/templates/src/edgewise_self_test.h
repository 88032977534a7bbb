/* Does this board compute what was proven? Plain C; how the model is run is the caller's. */
#ifndef EDGEWISE_SELF_TEST_H
#define EDGEWISE_SELF_TEST_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EDGEWISE_SELF_TEST_PASSED 0
#define EDGEWISE_SELF_TEST_ABSENT (-1) /* compiled with EDGEWISE_WITH_SELF_TEST 0 */
#define EDGEWISE_SELF_TEST_NOT_RUN (-2) /* the model did not run */

/* Fills EDGEWISE_LABELS scores for EDGEWISE_INPUT_BYTES pixels; 0 where that worked. */
typedef int (*edgewise_run_function)(const uint8_t *pixels, float *scores);

/* EDGEWISE_SELF_TEST_PASSED, one of the codes above, or the number, from 1, of the first golden vector that differs. */
int edgewise_self_test(edgewise_run_function run);

#ifdef __cplusplus
}
#endif

#endif
