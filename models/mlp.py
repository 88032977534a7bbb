"""Multilayer perceptron, for very small pictures and tables."""

import tf_keras as keras

from models.layers import BACKBONE_END, channels, classify


def build(shape: tuple[int, int, int], classes: int, width: float, dropout: float) -> keras.Model:
    """Two hidden layers of 64 and 32 units with ReLU."""
    inputs = keras.Input(shape)
    x = keras.layers.Flatten(name=BACKBONE_END)(inputs)
    for units in (64, 32):
        x = keras.layers.Dense(channels(units, width), activation="relu")(x)
    return keras.Model(inputs, classify(x, classes, dropout), name="core")
