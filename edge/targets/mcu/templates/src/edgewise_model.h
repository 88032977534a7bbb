/* The model, ready to call. One caller at a time: it has one arena. */
#ifndef EDGEWISE_MODEL_H
#define EDGEWISE_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "edgewise_contract.h"
#include "edgewise_self_test.h"

namespace edgewise {

// Builds the interpreter; once, before anything else. False where TFLite Micro refuses: its log says why.
bool setup();

// Scores, EDGEWISE_LABELS of them, of EDGEWISE_INPUT_BYTES raw pixels. 0 where that worked.
int run(const uint8_t *pixels, float *scores);

// The label with the greatest score, and that score. False where the model did not run.
bool classify(const uint8_t *pixels, int *label, float *score);

// Runs the golden vectors: EDGEWISE_SELF_TEST_PASSED, or what edgewise_self_test.h says.
int self_test();

// Bytes of the arena in use after setup().
size_t arena_used();

}  // namespace edgewise

#endif
