/* model.tflite as an array. SHA-256: @{sha256} */
#include "edgewise_model_data.h"

#include <stdalign.h>

/* 16: flatbuffers are read in place and TFLite aligns the weights in them to 16 bytes. */
alignas(16) const unsigned char edgewise_model_data[EDGEWISE_MODEL_BYTES] = {
@{bytes}
};
