"""Integer weights and biases of a layer: its numbers, its factors, and how large its sums can be."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.targets.derivation.exact.fixed_point import INT32_LIMIT, Integers
from edge.targets.derivation.exact.tensors import codes_of, range_of, refused, values_of
from edge.tflite import Graph, Operator


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """`weights`, int8 in the file's shape; `bias` and `bound`, the largest size of a sum, int64 [channels]."""

    weights: NDArray[np.int8]
    bias: Integers
    bound: Integers
    scales: tuple[float, ...]  # of one step of a sum in steps of the result: one, or one for each channel


def layer_of(operator: Operator, graph: Graph, channels: int) -> Layer:
    """The layer of an operator with the inputs data, weights and, perhaps, bias; `channels` is the axis of its outputs.

    Raises ConversionFailed where the weights are not constant int8 codes with zero point 0, or where sums could leave
    32 bits.
    """
    source, result = (codes_of(operator, graph, index) for index in (operator.inputs[0], operator.outputs[0]))
    codes = graph.tensors[operator.inputs[1]]
    if codes.dtype != "INT8" or not codes.constant or any(codes.zero_points) or not codes.scales:
        raise refused(operator, "its weights are not constant int8 codes with zero point 0")
    if len(codes.scales) > 1 and codes.axis != channels:
        raise refused(operator, f"its weights have scales along axis {codes.axis}")
    weights = values_of(codes)
    sizes = np.abs(weights.astype(np.int64)).sum(axis=tuple(axis for axis in range(weights.ndim) if axis != channels))
    bias = _bias(operator, graph, len(sizes))
    bound = sizes * range_of(source).widest + np.abs(bias)
    if bound.max() >= INT32_LIMIT:
        raise refused(operator, "its sums can leave 32 bits")
    scales = tuple(source.scales[0] * scale / result.scales[0] for scale in codes.scales)  # float64, as in the kernels
    return Layer(weights=weights, bias=bias, bound=bound, scales=scales)


def _bias(operator: Operator, graph: Graph, channels: int) -> Integers:
    if len(operator.inputs) < 3 or operator.inputs[2] < 0:
        return np.zeros(channels, np.int64)
    bias = graph.tensors[operator.inputs[2]]
    if bias.dtype != "INT32" or not bias.constant:
        raise refused(operator, f"its bias is {bias.dtype}; constant INT32 needed")
    return values_of(bias).astype(np.int64)
