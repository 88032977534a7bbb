"""How many bytes of parameters the compiled file holds, cached on the chip and streamed together.

The layout was read out of compiled files by others, https://github.com/RingCanary/coral-usb-oxidized (docs/
conv_layout_probe.md) and https://github.com/ricardodeazambuja/LibrEdgeTPU (docs/HARDWARE_ANALYSIS.md): weights lie in
tiles of 4 inputs by 4 outputs, behind a bias and, where weights are quantized per channel, a multiplier for each
output. Channels are padded; to what, is fitted to the published pairs of models and compiled models that the tests
hold the estimate against: it is within 9 % of each.
"""

from collections.abc import Collection
from math import prod

from edge.targets.coral.operators import LSTMS
from edge.targets.coral.ruling import input_of
from edge.tflite import Graph, Operator, Tensor

ON_CHIP_BYTES = 8 * 2**20  # "roughly 8 MB of SRAM", https://coral.ai/docs/edgetpu/compiler/#parameter-data-caching
TILE = 4  # inputs, and outputs, that are multiplied together
WIDEST = 32  # channels: padded to a power of two up to here, then to multiples of it
LANES = 16  # outputs of a layer on one place of a picture, and channels of a depthwise layer, come in this many
ROW = 64  # bytes
BIAS, MULTIPLIER = 4, 4  # bytes for an output: int32, float32
PAIR = 2 * ROW  # what an operator on two operands brings: fitted
LSTM_PAIRS = 8  # in each time step: four sums of gates, two products, the new cell state and the output

PAIRWISE = frozenset({"ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE"})
REARRANGING = frozenset({"CONCATENATION", "SPLIT"})  # a row of selectors
WEIGHTED = frozenset({"CONV_2D", "TRANSPOSE_CONV", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})


def parameter_bytes(graph: Graph, mapped: Collection[int]) -> int:
    """Bytes of parameters, cached and streamed together, that the operators `mapped` bring; an estimate."""
    return sum(_bytes_of(graph, graph.operators[index]) for index in mapped)


def _bytes_of(graph: Graph, operator: Operator) -> int:
    if operator.name in LSTMS:
        return _lstm(graph, operator)
    if operator.name in WEIGHTED:
        weights = input_of(graph, operator, 1)
        return 0 if weights is None else _weights(operator.name, weights)
    constants = sum(_rows(prod(tensor.shape)) for tensor in _constants(graph, operator))
    if operator.name in PAIRWISE:
        return PAIR + constants
    return ROW if operator.name in REARRANGING else constants


def _weights(name: str, weights: Tensor) -> int:
    beside = BIAS + (MULTIPLIER if len(weights.scales) > 1 else 0)
    if name == "FULLY_CONNECTED":
        return _product(weights, beside)
    if len(weights.shape) != 4:
        return len(weights.data)
    outputs, height, width, inputs = weights.shape
    if name == "DEPTHWISE_CONV_2D":  # [1, height, width, channels]: a tile holds the diagonal of 4 channels
        return _padded(inputs, LANES) * TILE * height * width + inputs * beside
    return _padded(outputs, 2 * TILE) * (height * width * _padded(inputs, TILE) + beside)


def _product(weights: Tensor, beside: int) -> int:
    """A matrix [outputs, inputs] on one place."""
    outputs, inputs = (*weights.shape, 0, 0)[:2]
    return _up(outputs, LANES) * (_up(inputs, TILE) + beside)


def _lstm(graph: Graph, operator: Operator) -> int:
    """Eight matrices, and operators on two operands that are laid out for each time step anew."""
    data = input_of(graph, operator, 0)
    matrices = [tensor for tensor in _constants(graph, operator) if len(tensor.shape) == 2]
    shape = data.shape if data is not None else ()
    time_axis = 0 if operator.options.get("timeMajor", False) else 1
    steps = shape[time_axis] if len(shape) == 3 else 1
    return sum(_product(each, BIAS) for each in matrices) + steps * LSTM_PAIRS * PAIR


def _constants(graph: Graph, operator: Operator) -> list[Tensor]:
    """Its 8-bit constants; shapes, axes and biases are not parameters of their own."""
    tensors = (graph.tensors[index] for index in operator.inputs if index >= 0)
    return [tensor for tensor in tensors if tensor.constant and tensor.dtype in ("INT8", "UINT8")]


def _padded(channels: int, least: int) -> int:
    unit = least
    while unit < min(channels, WIDEST):
        unit *= 2
    return _up(channels, unit)


def _rows(count: int) -> int:
    return _up(count, ROW)


def _up(count: int, unit: int) -> int:
    return -(-count // unit) * unit
