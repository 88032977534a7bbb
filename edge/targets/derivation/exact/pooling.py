"""MAX_POOL_2D, AVERAGE_POOL_2D and MEAN over the picture."""

import numpy as np

from edge.targets.derivation.exact.fixed_point import FixedPoint, fixed_point
from edge.targets.derivation.exact.network import FLOAT_LIMIT, Network
from edge.targets.derivation.exact.rescale import rescale
from edge.targets.derivation.exact.tensors import Range, codes_of, range_of, refused, same_codes, values_of
from edge.targets.derivation.exact.windows import Windows, windows_of
from edge.tflite import Operator, Tensor


def max_pool(network: Network, operator: Operator) -> None:
    source, result, windows = _pooled(network, operator)
    highest = network.node(
        "MaxPool",
        network.read(source.index, "NCHW"),
        kernel_shape=windows.size,
        strides=windows.strides,
        pads=windows.pads,
    )
    written = range_of(result, operator.options["fusedActivationFunction"])
    if written != range_of(result):
        highest = _clamped(network, highest, written)
    network.write(result.index, highest, "NCHW")


def average_pool(network: Network, operator: Operator) -> None:
    """The sum of the codes by the number of pixels, halves away from zero; padding counts in neither.

    In float32: a quotient of whole numbers below 2**24 by fewer than 2**16 never rounds up to the next whole number.
    """
    source, result, windows = _pooled(network, operator)
    channels, zero_point, counts = source.shape[3], source.zero_points[0], windows.counts()
    if counts.max() >= 2**16:
        raise refused(operator, f"its windows have {counts.max()} pixels")
    ones = network.weights(np.ones((channels, 1, *windows.size), np.int8))
    centred = network.node(
        "Conv", network.read(source.index, "NCHW"), ones, group=channels, strides=windows.strides, pads=windows.pads
    )
    total = network.node("Add", centred, network.constant(zero_point * counts, np.float32))
    raised = network.node("Add", network.node("Abs", total), network.constant(counts // 2, np.float32))
    size = network.node("Floor", network.node("Div", raised, network.constant(counts, np.float32)))
    mean = network.node("Mul", size, network.node("Sign", total))
    centred = network.node("Sub", mean, network.constant(zero_point, np.float32))
    written = range_of(result, operator.options["fusedActivationFunction"])
    network.write(result.index, _clamped(network, centred, written), "NCHW")


def mean(network: Network, operator: Operator) -> None:
    """The sum of the centred codes, brought to the result's scale with a factor that holds the division too."""
    source, result = (codes_of(operator, network.source, index) for index in (operator.inputs[0], operator.outputs[0]))
    axes = values_of(network.source.tensors[operator.inputs[1]])
    if len(source.shape) != 4 or sorted(int(axis) % 4 for axis in np.ravel(axes)) != [1, 2]:
        raise refused(operator, f"it is over the axes {axes.tolist()} of {list(source.shape)}; 1 and 2 of 4 needed")
    pixels = source.shape[1] * source.shape[2]
    bound = pixels * range_of(source).widest
    if bound >= FLOAT_LIMIT:
        raise refused(operator, f"it is over {pixels} pixels")
    keep = bool(operator.options["keepDims"])
    picture = network.read(source.index, "NCHW")
    total = network.node("ReduceSum", picture, network.constant([2, 3], np.int64), keepdims=int(keep))
    factors = _divided(fixed_point([source.scales[0] / result.scales[0]]), pixels)
    network.write(result.index, rescale(network, operator, total, factors, bound, range_of(result)), "NCHW")


def _divided(factors: FixedPoint, count: int) -> FixedPoint:
    """The factor by `count`, as QuantizedMeanOrSum makes it: the multiplier is cut off, not rounded."""
    shift = min(count.bit_length() - 1, 32, 31 + int(factors.shifts[0]))
    return FixedPoint(multipliers=(factors.multipliers << shift) // count, shifts=factors.shifts - shift)


def _pooled(network: Network, operator: Operator) -> tuple[Tensor, Tensor, Windows]:
    source, result = (codes_of(operator, network.source, index) for index in (operator.inputs[0], operator.outputs[0]))
    if not same_codes(source, result):
        raise refused(operator, "its input and its output have different scales")
    size = (operator.options["filterHeight"], operator.options["filterWidth"])
    return source, result, windows_of(operator, size, source, result)


def _clamped(network: Network, codes: str, written: Range) -> str:
    return network.node(
        "Clip", codes, network.constant(written.low, np.float32), network.constant(written.high, np.float32)
    )
