/* model.tflite as an array. SHA-256: @{sha256} */
#ifndef EDGEWISE_MODEL_DATA_H
#define EDGEWISE_MODEL_DATA_H

#ifdef __cplusplus
extern "C" {
#endif

#define EDGEWISE_MODEL_BYTES @{model_bytes}

extern const unsigned char edgewise_model_data[EDGEWISE_MODEL_BYTES];

#ifdef __cplusplus
}
#endif

#endif
