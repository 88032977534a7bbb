/* What goes into the model and what comes out of it. Made by Edgewise from model.tflite; not to be edited.
   SHA-256 of model.tflite: @{sha256} */
#ifndef EDGEWISE_CONTRACT_H
#define EDGEWISE_CONTRACT_H

/* In: raw uint8 pixels, rows from the top, channels of a pixel side by side. The model computes with
   EDGEWISE_INPUT_SCALE * (pixel - EDGEWISE_INPUT_ZERO_POINT); that happens inside it. */
#define EDGEWISE_HEIGHT @{height}
#define EDGEWISE_WIDTH @{width}
#define EDGEWISE_CHANNELS @{channels}
#define EDGEWISE_INPUT_BYTES (EDGEWISE_HEIGHT * EDGEWISE_WIDTH * EDGEWISE_CHANNELS)
#define EDGEWISE_INPUT_SCALE @{input_scale}
#define EDGEWISE_INPUT_ZERO_POINT @{input_zero_point}

/* Out: one score for each label, EDGEWISE_OUTPUT_SCALE * (code - EDGEWISE_OUTPUT_ZERO_POINT) where codes are uint8;
   float32 scores are taken as they are. */
#define EDGEWISE_LABELS @{labels}
#define EDGEWISE_OUTPUT_IS_UINT8 @{output_is_uint8}
#define EDGEWISE_OUTPUT_SCALE @{output_scale}
#define EDGEWISE_OUTPUT_ZERO_POINT @{output_zero_point}

/* Tensor arena. Measured with TFLite Micro on a 64-bit host: @{arena_bytes} bytes are the fewest that run this model;
   a 32-bit board's tables are smaller. Margin: @{scratch_bytes} bytes, the most that the faster kernels (@{library})
   ask for besides, rounded up to a whole KiB. After setup(), edgewise::arena_used() says what the board needs. */
#ifndef EDGEWISE_ARENA_BYTES
#define EDGEWISE_ARENA_BYTES @{arena_bytes_with_margin}
#endif

#ifdef __cplusplus
extern "C" {
#endif

extern const char *const edgewise_labels[EDGEWISE_LABELS];

#ifdef __cplusplus
}
#endif

#endif
