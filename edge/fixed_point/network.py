"""A network in fixed point as a frozen value: layers of integers and binary points, joined in a graph.

Every layer is exact but `Round`, which is the only place where bits are lost; so the order of additions is free, and a
logic synthesizer, a C++ compiler and numpy can all give the same bits.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.fixed_point.formats import Format, narrowest

Codes = NDArray[np.int64]
PICTURE = -1  # in `Node.inputs`: the picture itself


@dataclass(frozen=True, kw_only=True)
class Front:
    """From a byte to a number: `((byte - zero_point) >> dropped) * 2**(dropped - fraction)`.

    With `dropped` = 0 that is exactly `(byte - zero_point) / 2**fraction`, as the contract has it; more leave out the
    lowest bits, rounding down.
    """

    zero_point: int
    fraction: int
    dropped: int = 0

    @property
    def format(self) -> Format:
        """The narrowest format of the front's numbers for the bytes 0 to 255."""
        lowest, highest = -self.zero_point >> self.dropped, 255 - self.zero_point >> self.dropped
        return narrowest(lowest, highest, self.fraction - self.dropped)

    def codes(self, pictures: NDArray[np.uint8]) -> Codes:
        """Codes in `format` of uint8 pictures, of their shape."""
        return (pictures.astype(np.int64) - self.zero_point) >> self.dropped


@dataclass(frozen=True, kw_only=True, eq=False)
class Dense:
    """`x @ weights + bias`: weights [inputs, outputs], bias [outputs], each with its binary point."""

    weights: Codes
    fraction: int
    bias: Codes
    bias_fraction: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Conv2D:
    """Convolution: weights [height, width, inputs, outputs], bias [outputs], each with its binary point.

    "same" pads with zeros as TensorFlow does: the odd one below and on the right.
    """

    weights: Codes
    fraction: int
    bias: Codes
    bias_fraction: int
    strides: tuple[int, int] = (1, 1)
    padding: Literal["same", "valid"] = "valid"


@dataclass(frozen=True, kw_only=True)
class Round:
    """Rounding half up to `format`, saturating: the activation. Unsigned formats make it a ReLU."""

    format: Format


@dataclass(frozen=True, kw_only=True)
class MaxPool:
    """The largest of each window of `size`; windows lie side by side, and a rest at the border is left out."""

    size: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class AveragePool:
    """The mean of each window of `size`, whose area is a power of two: exact, with as many more fraction bits."""

    size: tuple[int, int]

    @property
    def gained(self) -> int:
        """Fraction bits that the division adds."""
        return (self.size[0] * self.size[1]).bit_length() - 1


@dataclass(frozen=True, kw_only=True)
class Flatten:
    """[n, h, w, c] to [n, h * w * c]."""


@dataclass(frozen=True, kw_only=True)
class Add:
    """The sum of two inputs of one shape."""


Layer = Dense | Conv2D | Round | MaxPool | AveragePool | Flatten | Add


@dataclass(frozen=True, kw_only=True)
class Node:
    """A layer and where its inputs come from: positions of earlier nodes, or PICTURE."""

    layer: Layer
    inputs: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Network:
    """Pictures of `shape` (height, width, channels), bytes, to the last node's numbers: the logits.

    `bits` is the width that the weights were trained for; all of them may need less.
    """

    bits: int
    shape: tuple[int, int, int]
    front: Front
    nodes: tuple[Node, ...]

    @property
    def products(self) -> tuple[Dense | Conv2D, ...]:
        """The layers that have weights, in order."""
        return tuple(node.layer for node in self.nodes if isinstance(node.layer, Dense | Conv2D))

    @property
    def weights(self) -> int:
        """How many weights there are, biases left out."""
        return sum(layer.weights.size for layer in self.products)

    @property
    def nonzero_weights(self) -> int:
        return sum(int(np.count_nonzero(layer.weights)) for layer in self.products)
