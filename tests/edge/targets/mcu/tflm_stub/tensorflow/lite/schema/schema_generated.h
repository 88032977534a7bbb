// The little of TFLite's schema that the generated C++ uses.
#ifndef STUB_SCHEMA_GENERATED_H
#define STUB_SCHEMA_GENERATED_H

#define TFLITE_SCHEMA_VERSION 3

namespace tflite {

struct Model {
  unsigned version() const { return TFLITE_SCHEMA_VERSION; }
};

inline const Model *GetModel(const void *content) { return static_cast<const Model *>(content); }

}  // namespace tflite

#endif
