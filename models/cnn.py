"""Small convolutional network, for pictures from 8 to about 64 pixels a side."""

import tf_keras as keras

from models.layers import BACKBONE_END, channels, classify, conv


def build(shape: tuple[int, int, int], classes: int, width: float, dropout: float) -> keras.Model:
    """Four 3x3 convolutions; the second and the fourth halve the picture."""
    inputs = keras.Input(shape)
    x = inputs
    for filters, strides in ((32, 1), (32, 2), (64, 1), (64, 2)):
        x = conv(x, channels(filters, width), 3, strides=strides)
    x = keras.layers.GlobalAveragePooling2D(name=BACKBONE_END)(x)
    return keras.Model(inputs, classify(x, classes, dropout), name="core")
