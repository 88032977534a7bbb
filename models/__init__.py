"""Keras architectures by name. The only place that names layers; nothing here reads or writes a file.

A builder returns the core: a functional model from the numbers that the network computes with (for our own
architectures `(byte - 128) / 128`, float32 [batch, height, width, channels]) to logits [batch, classes], from a last
layer named "logits". Its backbone, which transfer learning freezes, is every layer before `BACKBONE_END`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from models import cnn, mlp, mobilenet, resnet8

if TYPE_CHECKING:
    import tf_keras as keras

Shape = tuple[int, int, int]
Builder = Callable[[Shape, int, float, float], "keras.Model"]

MODELS: dict[str, Builder] = {
    "mlp": mlp.build,
    "cnn": cnn.build,
    "resnet8": resnet8.build,
    "mobilenet_v1": mobilenet.build_v1,
    "mobilenet_v2": mobilenet.build_v2,
}


def build(name: str, shape: Shape, classes: int, *, width: float = 1.0, dropout: float = 0.0) -> "keras.Model":
    """The core of architecture `name` for pictures of `shape` (height, width, channels), with random weights.

    `width` multiplies the channels of every hidden layer; `dropout` is the share dropped before the logits.
    """
    return MODELS[name](shape, classes, width, dropout)
