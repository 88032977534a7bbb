"""MobileNet v1 (Howard et al. 2017) and v2 (Sandler et al. 2018), as Keras has them, under a head of our own."""

from typing import Any

import tf_keras as keras

from models.layers import BACKBONE_END, classify


def build_v1(shape: tuple[int, int, int], classes: int, width: float, dropout: float) -> keras.Model:
    """MobileNet v1; `width` is its alpha."""
    return _under_head(keras.applications.MobileNet, shape, classes, width, dropout)


def build_v2(shape: tuple[int, int, int], classes: int, width: float, dropout: float) -> keras.Model:
    """MobileNet v2; `width` is its alpha."""
    return _under_head(keras.applications.MobileNetV2, shape, classes, width, dropout)


def _under_head(family: Any, shape: tuple[int, int, int], classes: int, width: float, dropout: float) -> keras.Model:
    backbone = family(input_shape=shape, alpha=width, include_top=False, weights=None)
    x = keras.layers.GlobalAveragePooling2D(name=BACKBONE_END)(backbone.output)
    return keras.Model(backbone.input, classify(x, classes, dropout), name="core")


def imagenet_backbone(name: str, shape: tuple[int, int, int], width: float) -> keras.Model:
    """The backbone with Keras's ImageNet weights, which Keras downloads into its own cache and checks.

    Raises ValueError where no weights exist for that shape and width.
    """
    family = {"mobilenet_v1": keras.applications.MobileNet, "mobilenet_v2": keras.applications.MobileNetV2}[name]
    return family(input_shape=shape, alpha=width, include_top=False, weights="imagenet")
