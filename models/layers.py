"""What several architectures share."""

from typing import Any

import tf_keras as keras

# The pooled features: transfer learning freezes all layers before this one.
BACKBONE_END = "pool"


def channels(count: int, width: float) -> int:
    """`count * width` channels, at least 8 and a multiple of 8, as integer kernels like it."""
    return max(8, int(count * width / 8 + 0.5) * 8)


def conv(x: Any, filters: int, kernel: int, *, strides: int = 1, relu: bool = True) -> Any:
    """Convolution, batch normalisation and, where asked for, ReLU: the block that quantization folds into one."""
    x = keras.layers.Conv2D(
        filters, kernel, strides=strides, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(x)
    x = keras.layers.BatchNormalization()(x)
    return keras.layers.ReLU()(x) if relu else x


def classify(x: Any, classes: int, dropout: float) -> Any:
    """Pooled features [batch, n] to logits [batch, classes], float32 under every precision policy."""
    if dropout:
        x = keras.layers.Dropout(dropout)(x)
    return keras.layers.Dense(classes, dtype="float32", name="logits")(x)
