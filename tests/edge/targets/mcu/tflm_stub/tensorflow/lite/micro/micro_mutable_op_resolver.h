// TFLite Micro's resolver as far as the generated C++ uses it, in the namespaces of old (STUB_OLD_NAMESPACE) and newer
// releases. It notes what is added, and refuses more than its size and anything twice, as the real one does.
#ifndef STUB_MICRO_MUTABLE_OP_RESOLVER_H
#define STUB_MICRO_MUTABLE_OP_RESOLVER_H

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#ifdef STUB_OLD_NAMESPACE
#define STUB_BEGIN
#define STUB_CLASSES namespace tflite {
#define STUB_END }
#else
#define STUB_BEGIN namespace tflite { namespace micro {
#define STUB_CLASSES
#define STUB_END } }
#endif

STUB_BEGIN

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };

struct TfLiteTensor {
  union {
    uint8_t *uint8;
    float *f;
  } data;
  size_t bytes;
};

STUB_CLASSES

inline std::set<std::string> added;

template <unsigned int tOpCount>
class MicroMutableOpResolver {
 public:
#define STUB_ADD(name) \
  TfLiteStatus Add##name() { return Note(#name); }
  STUB_ADD(Add)
  STUB_ADD(AveragePool2D)
  STUB_ADD(Conv2D)
  STUB_ADD(DepthwiseConv2D)
  STUB_ADD(Dequantize)
  STUB_ADD(FullyConnected)
  STUB_ADD(MaxPool2D)
  STUB_ADD(Mean)
  STUB_ADD(Mul)
  STUB_ADD(Pad)
  STUB_ADD(Quantize)
  STUB_ADD(Reshape)
  STUB_ADD(Softmax)
#undef STUB_ADD

 private:
  TfLiteStatus Note(const char *name) {
    if (count_ == tOpCount || !added.insert(name).second) return kTfLiteError;
    ++count_;
    return kTfLiteOk;
  }
  unsigned int count_ = 0;
};

STUB_END

#endif
