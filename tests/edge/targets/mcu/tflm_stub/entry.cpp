// The generated C++ behind C functions, for ctypes.
#include "edgewise_model.h"
#include "tensorflow/lite/micro/micro_interpreter.h"

namespace api {
using namespace tflite;
#ifndef STUB_OLD_NAMESPACE
using namespace tflite::micro;
#endif
}  // namespace api

extern "C" {

void stub_model(size_t input_bytes, size_t output_bytes, void (*invoke)(const uint8_t *, uint8_t *)) {
  api::stub = {input_bytes, output_bytes, invoke};
}
int model_setup() { return edgewise::setup(); }
int model_classify(const uint8_t *pixels, int *label, float *score) { return edgewise::classify(pixels, label, score); }
int model_self_test() { return edgewise::self_test(); }
size_t model_arena_used() { return edgewise::arena_used(); }
const char *model_operators() {
  static std::string names;
  for (const auto &name : api::added) names += name + " ";
  return names.c_str();
}
}
