"""Multilayer perceptron, for very small pictures and tables."""

import tf_keras as keras

from models.layers import BACKBONE_END, channels, classify


def build(shape: tuple[int, int, int], classes: int, width: float, dropout: float) -> keras.Model:
    """Two hidden layers of 64 and 32 units with ReLU."""
    return perceptron(shape, classes, tuple(channels(units, width) for units in (64, 32)), dropout)


def perceptron(shape: tuple[int, int, int], classes: int, hidden: tuple[int, ...], dropout: float = 0.0) -> keras.Model:
    """Hidden layers of as many units with ReLU as `hidden` says, one after the other."""
    inputs = keras.Input(shape)
    x = keras.layers.Flatten(name=BACKBONE_END)(inputs)
    for units in hidden:
        x = keras.layers.Dense(units, activation="relu")(x)
    return keras.Model(inputs, classify(x, classes, dropout), name="core")
