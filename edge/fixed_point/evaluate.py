"""Running a fixed-point network: on numbers, and on da4ml's symbols, which gives its logic."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.fixed_point.formats import rounded
from edge.fixed_point.network import (
    PICTURE,
    Add,
    AveragePool,
    Conv2D,
    Dense,
    Flatten,
    Layer,
    MaxPool,
    Network,
    Round,
)


def logits_of(network: Network, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits, float32 [n, labels], of uint8 [n, h, w, c]; exact, as `network_formats` grants.

    Raises ValueError where the pictures are not of the network's shape.
    """
    if pictures.dtype != np.uint8 or pictures.shape[1:] != network.shape:
        raise ValueError(f"pictures are {pictures.dtype} {pictures.shape}; expected uint8 (n, {network.shape})")
    numbers = network.front.codes(pictures) * 2.0**-network.front.format.fraction
    result: NDArray[np.float64] = evaluate(network, numbers)
    return result.astype(np.float32)


def evaluate(network: Network, x: Any) -> Any:
    """What the network makes of numbers `x` [n, h, w, c] that have passed its front: [n, labels].

    `x` is float64, or a symbolic array of da4ml, which stands for one picture (n = 1).
    """
    values: list[Any] = []
    for node in network.nodes:
        inputs = [x if at == PICTURE else values[at] for at in node.inputs]
        values.append(_apply(node.layer, *inputs))
    return values[-1]


def _apply(layer: Layer, x: Any, *others: Any) -> Any:
    match layer:
        case Dense():
            return x @ _weights(layer) + _bias(layer)
        case Conv2D():
            return _convolve(layer, x)
        case Round():
            return rounded(x, layer.format)
        case MaxPool():
            return np.amax(np.stack(_windows(x, layer.size, layer.size)), axis=0)
        case AveragePool():
            return np.sum(np.stack(_windows(x, layer.size, layer.size)), axis=0) * 2.0**-layer.gained
        case Flatten():
            return x.reshape(x.shape[0], -1)
        case Add():
            return x + others[0]


def _convolve(layer: Conv2D, x: Any) -> Any:
    """A convolution as one product of all windows with all filters."""
    height, width, _, filters = layer.weights.shape
    if layer.padding == "same":
        sides = [same_padding(x.shape[1 + axis], (height, width)[axis], layer.strides[axis]) for axis in (0, 1)]
        x = np.pad(x, [(0, 0), *sides, (0, 0)])
    windows = np.concatenate(_windows(x, (height, width), layer.strides), axis=-1)
    return windows @ _weights(layer).reshape(-1, filters) + _bias(layer)


def same_padding(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after one side of a picture, as TensorFlow's "SAME" has them."""
    total = max(0, (-(-length // stride) - 1) * stride + kernel - length)
    return total // 2, total - total // 2


def _windows(x: Any, size: tuple[int, int], strides: tuple[int, int]) -> list[Any]:
    """For each place in a window, what stands there in all windows: arrays [n, rows, columns, channels]."""
    rows, columns = ((x.shape[1 + axis] - size[axis]) // strides[axis] + 1 for axis in (0, 1))
    (down, across) = strides
    return [
        x[:, i : i + (rows - 1) * down + 1 : down, j : j + (columns - 1) * across + 1 : across]
        for i in range(size[0])
        for j in range(size[1])
    ]


def _weights(layer: Dense | Conv2D) -> NDArray[np.float64]:
    return np.ldexp(layer.weights.astype(np.float64), -layer.fraction)


def _bias(layer: Dense | Conv2D) -> NDArray[np.float64]:
    return np.ldexp(layer.bias.astype(np.float64), -layer.bias_fraction)
