#include "edgewise_model.h"

#include <string.h>

#include "edgewise_model_data.h"
#include "edgewise_resolver.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace edgewise {
namespace {

using namespace tflm;

alignas(16) uint8_t arena[EDGEWISE_ARENA_BYTES];
MicroInterpreter *interpreter = nullptr;

#if EDGEWISE_OUTPUT_IS_UINT8
using Score = uint8_t;
#else
using Score = float;
#endif

}  // namespace

bool setup() {
  if (interpreter != nullptr) return true;
  const Model *model = GetModel(edgewise_model_data);
  if (model->version() != TFLITE_SCHEMA_VERSION) return false;
  static Resolver resolver;
  if (!add_operators(resolver)) return false;
  static MicroInterpreter instance(model, resolver, arena, sizeof(arena));
  if (instance.AllocateTensors() != kTfLiteOk) return false;
  if (instance.input(0)->bytes != EDGEWISE_INPUT_BYTES) return false;
  if (instance.output(0)->bytes != EDGEWISE_LABELS * sizeof(Score)) return false;
  interpreter = &instance;
  return true;
}

int run(const uint8_t *pixels, float *scores) {
  if (interpreter == nullptr) return 1;
  memcpy(interpreter->input(0)->data.uint8, pixels, EDGEWISE_INPUT_BYTES);
  if (interpreter->Invoke() != kTfLiteOk) return 1;
#if EDGEWISE_OUTPUT_IS_UINT8
  const uint8_t *codes = interpreter->output(0)->data.uint8;
  for (int i = 0; i < EDGEWISE_LABELS; ++i) {
    scores[i] = EDGEWISE_OUTPUT_SCALE * static_cast<float>(codes[i] - EDGEWISE_OUTPUT_ZERO_POINT);
  }
#else
  memcpy(scores, interpreter->output(0)->data.f, EDGEWISE_LABELS * sizeof(float));
#endif
  return 0;
}

bool classify(const uint8_t *pixels, int *label, float *score) {
  float scores[EDGEWISE_LABELS];
  if (run(pixels, scores) != 0) return false;
  int best = 0;
  for (int i = 1; i < EDGEWISE_LABELS; ++i) {
    if (scores[i] > scores[best]) best = i;
  }
  *label = best;
  *score = scores[best];
  return true;
}

int self_test() { return edgewise_self_test(run); }

size_t arena_used() { return interpreter == nullptr ? 0 : interpreter->arena_used_bytes(); }

}  // namespace edgewise
