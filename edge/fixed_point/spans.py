"""What every node of a fixed-point network can hold: shapes, and formats wide enough for any picture."""

from dataclasses import dataclass
from math import prod

import numpy as np

from edge.device.errors import BadModel
from edge.fixed_point.evaluate import same_padding
from edge.fixed_point.formats import Format, narrowest
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

# float64 adds integers exactly up to 2**53.
EXACT_BITS = 53


@dataclass(frozen=True, kw_only=True)
class Span:
    """What one node gives: its shape for one picture, and the format that holds its numbers for any picture."""

    shape: tuple[int, ...]
    format: Format


def spans_of(network: Network) -> tuple[Span, ...]:
    """The span of every node, by interval arithmetic over the weights.

    Raises BadModel where layers do not fit each other, or where a sum needs more bits than float64 adds exactly.
    """
    picture = Span(shape=network.shape, format=network.front.format)
    spans: list[Span] = []
    for position, node in enumerate(network.nodes):
        inputs = [picture if at == PICTURE else spans[at] for at in node.inputs]
        where = f"layer {position} ({type(node.layer).__name__})"
        try:
            span = _span(node.layer, *inputs)
        except (ValueError, IndexError, TypeError) as error:
            raise BadModel(f"{where}: does not fit its input {inputs[0].shape if inputs else ()} ({error})") from None
        if min(span.shape) < 1:
            raise BadModel(f"{where}: nothing is left of its input {inputs[0].shape}")
        if span.format.bits > EXACT_BITS:
            raise BadModel(f"{where}: needs {span.format.bits} bits, {EXACT_BITS} are exact; use smaller weights")
        spans.append(span)
    return tuple(spans)


def input_spans(network: Network) -> tuple[Span, ...]:
    """The span of the first input of every node."""
    spans = spans_of(network)
    picture = Span(shape=network.shape, format=network.front.format)
    return tuple(picture if node.inputs[0] == PICTURE else spans[node.inputs[0]] for node in network.nodes)


def multiplications(network: Network) -> int:
    """Multiplications by a weight other than 0 for one picture."""
    return sum(
        int(np.count_nonzero(node.layer.weights)) * prod(span.shape[:-1])
        for node, span in zip(network.nodes, spans_of(network), strict=True)
        if isinstance(node.layer, Dense | Conv2D)
    )


def _span(layer: Layer, x: Span, *others: Span) -> Span:
    match layer:
        case Dense():
            (inputs,) = x.shape
            _require(inputs == layer.weights.shape[0], f"takes {layer.weights.shape[0]} numbers")
            return Span(shape=(layer.weights.shape[1],), format=_sum_format(layer, x.format))
        case Conv2D():
            kernel_height, kernel_width, channels, filters = layer.weights.shape
            _require(len(x.shape) == 3 and x.shape[2] == channels, f"takes {channels} channels")
            sides = zip(x.shape[:2], (kernel_height, kernel_width), layer.strides, strict=True)
            height, width = (_windows_along(*side, layer.padding) for side in sides)
            return Span(shape=(height, width, filters), format=_sum_format(layer, x.format))
        case Round():
            return Span(shape=x.shape, format=layer.format)
        case MaxPool() | AveragePool():
            height, width, channels = x.shape
            gained = layer.gained if isinstance(layer, AveragePool) else 0
            area = layer.size[0] * layer.size[1]
            _require(isinstance(layer, MaxPool) or area == 1 << gained, f"averages {area}, not a power of two")
            # The mean of codes is a sum of `area` of them with the binary point moved as far.
            wide = narrowest(x.format.lowest << gained, x.format.highest << gained, x.format.fraction + gained)
            return Span(shape=(height // layer.size[0], width // layer.size[1], channels), format=wide)
        case Flatten():
            return Span(shape=(prod(x.shape),), format=x.format)
        case Add():
            (other,) = others
            _require(other.shape == x.shape, f"adds {other.shape}")
            fraction = max(x.format.fraction, other.format.fraction)
            ends = [
                sum(code << (fraction - each.format.fraction) for code, each in codes)
                for codes in (
                    ((x.format.lowest, x), (other.format.lowest, other)),
                    ((x.format.highest, x), (other.format.highest, other)),
                )
            ]
            return Span(shape=x.shape, format=narrowest(ends[0], ends[1], fraction))


def _sum_format(layer: Dense | Conv2D, source: Format) -> Format:
    """The format of `weights * x + bias` for any `x` of the format `source`."""
    weights = layer.weights.reshape(-1, layer.weights.shape[-1]).astype(object)  # Python's integers do not overflow
    above, below = np.maximum(weights, 0).sum(axis=0), np.minimum(weights, 0).sum(axis=0)
    fraction = max(layer.fraction + source.fraction, layer.bias_fraction)
    product_shift = fraction - layer.fraction - source.fraction
    bias = layer.bias.astype(object) * (1 << (fraction - layer.bias_fraction))
    highest = (above * source.highest + below * source.lowest) * (1 << product_shift) + bias
    lowest = (above * source.lowest + below * source.highest) * (1 << product_shift) + bias
    return narrowest(int(lowest.min()), int(highest.max()), fraction)


def _windows_along(length: int, kernel: int, stride: int, padding: str) -> int:
    if padding == "same":
        length += sum(same_padding(length, kernel, stride))
    return (length - kernel) // stride + 1


def _require(holds: bool, expected: str) -> None:
    if not holds:
        raise ValueError(expected)
