/* The kernels that this model uses and no other, so that only these are linked. */
#ifndef EDGEWISE_RESOLVER_H
#define EDGEWISE_RESOLVER_H

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

// Releases before autumn 2026 declare TFLite Micro in the namespace tflite, later ones in tflite::micro.
namespace tflite {
namespace micro {}
}  // namespace tflite

namespace edgewise {
namespace tflm {
using namespace tflite;
using namespace tflite::micro;
}  // namespace tflm

using Resolver = tflm::MicroMutableOpResolver<@{operator_count}>;

inline bool add_operators(Resolver &resolver) {
  using namespace tflm;
  return @{operators};
}

}  // namespace edgewise

#endif
