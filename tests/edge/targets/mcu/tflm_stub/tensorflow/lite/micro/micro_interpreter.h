// TFLite Micro's interpreter as far as the generated C++ uses it; what it computes is the test's.
#ifndef STUB_MICRO_INTERPRETER_H
#define STUB_MICRO_INTERPRETER_H

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

STUB_BEGIN
STUB_CLASSES

struct Stub {
  size_t input_bytes, output_bytes;
  void (*invoke)(const uint8_t *input, uint8_t *output);
};
inline Stub stub;

class MicroInterpreter {
 public:
  template <unsigned int tOpCount>
  MicroInterpreter(const tflite::Model *, const MicroMutableOpResolver<tOpCount> &, uint8_t *arena, size_t size)
      : arena_(arena), size_(size) {}

  TfLiteStatus AllocateTensors() {
    if (stub.input_bytes + stub.output_bytes > size_) return kTfLiteError;
    input_.data.uint8 = arena_ + stub.output_bytes;
    input_.bytes = stub.input_bytes;
    output_.data.uint8 = arena_;
    output_.bytes = stub.output_bytes;
    return kTfLiteOk;
  }
  TfLiteTensor *input(size_t) { return &input_; }
  TfLiteTensor *output(size_t) { return &output_; }
  TfLiteStatus Invoke() {
    stub.invoke(input_.data.uint8, output_.data.uint8);
    return kTfLiteOk;
  }
  size_t arena_used_bytes() const { return stub.input_bytes + stub.output_bytes; }

 private:
  uint8_t *arena_;
  size_t size_;
  TfLiteTensor input_, output_;
};

STUB_END

#endif
