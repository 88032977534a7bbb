#include "edgewise_self_test.h"

#include "edgewise_golden.h"

#if EDGEWISE_WITH_SELF_TEST

int edgewise_self_test(edgewise_run_function run) {
  float scores[EDGEWISE_LABELS];
  for (int vector = 0; vector < EDGEWISE_GOLDEN_VECTORS; ++vector) {
    if (run(edgewise_golden_inputs[vector], scores) != 0) return EDGEWISE_SELF_TEST_NOT_RUN;
    for (int label = 0; label < EDGEWISE_LABELS; ++label) {
      const float difference = scores[label] - edgewise_golden_scores[vector][label];
      /* Asked this way round, a score that is not a number does not pass. */
      const int close = difference <= EDGEWISE_GOLDEN_TOLERANCE && difference >= -EDGEWISE_GOLDEN_TOLERANCE;
      if (!close) return vector + 1;
    }
  }
  return EDGEWISE_SELF_TEST_PASSED;
}

#else

int edgewise_self_test(edgewise_run_function run) {
  (void)run;
  return EDGEWISE_SELF_TEST_ABSENT;
}

#endif
