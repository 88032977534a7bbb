"""ResNet-8 of MLPerf Tiny's image classification (Banbury et al. 2021, "MLPerf Tiny Benchmark")."""

from typing import Any

import tf_keras as keras

from models.layers import BACKBONE_END, channels, classify, conv


def build(shape: tuple[int, int, int], classes: int, width: float, dropout: float) -> keras.Model:
    """A stem and three residual stages of two convolutions; 16, 32 and 64 channels at width 1."""
    inputs = keras.Input(shape)
    x = conv(inputs, channels(16, width), 3)
    for filters, strides in ((16, 1), (32, 2), (64, 2)):
        x = _residual(x, channels(filters, width), strides)
    x = keras.layers.GlobalAveragePooling2D(name=BACKBONE_END)(x)
    return keras.Model(inputs, classify(x, classes, dropout), name="core")


def _residual(x: Any, filters: int, strides: int) -> Any:
    branch = conv(x, filters, 3, strides=strides)
    branch = conv(branch, filters, 3, relu=False)
    if strides > 1:
        x = keras.layers.Conv2D(filters, 1, strides=strides, padding="same", kernel_initializer="he_normal")(x)
    return keras.layers.ReLU()(keras.layers.Add()([x, branch]))
