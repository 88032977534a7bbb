"""What the TFLite file says of a tensor, as the reference kernels read it: its numbers, its codes, its refusals."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import ConversionFailed
from edge.tflite import Graph, Operator, Tensor

CODES = {"INT8": np.int8, "UINT8": np.uint8}
DTYPES = {**CODES, "INT32": np.int32, "INT64": np.int64}
ACTIVATIONS = {0: (None, None), 1: (0.0, None), 2: (-1.0, 1.0), 3: (0.0, 6.0)}  # NONE, RELU, RELU_N1_TO_1, RELU6


@dataclass(frozen=True, kw_only=True)
class Range:
    """The lowest and highest code less the zero point."""

    low: int
    high: int

    @property
    def widest(self) -> int:
        return max(-self.low, self.high)


def refused(operator: Operator, reason: str) -> ConversionFailed:
    return ConversionFailed(
        f"{operator}: no ONNX that equals LiteRT's reference kernels ({reason}); use other layers, or deploy the "
        "TFLite file itself or the fast ONNX twin"
    )


def values_of(tensor: Tensor) -> NDArray[Any]:
    """A constant's numbers in its own shape and dtype."""
    return np.frombuffer(tensor.data, DTYPES[tensor.dtype]).reshape(tensor.shape)


def codes_of(operator: Operator, graph: Graph, index: int) -> Tensor:
    """The tensor `index` where it is one of 8-bit codes with one scale.

    Raises ConversionFailed otherwise.
    """
    tensor = graph.tensors[index]
    if tensor.dtype not in CODES or len(tensor.scales) != 1:
        raise refused(operator, f"{tensor.name} is {tensor.dtype} with {len(tensor.scales)} scales; 8-bit codes needed")
    if not tensor.constant and (not tensor.shape or tensor.shape[0] != 1):
        raise refused(operator, f"{tensor.name} has the shape {list(tensor.shape)}; a first axis of 1 is needed")
    return tensor


def range_of(tensor: Tensor, activation: int = 0) -> Range:
    """The codes that an operator writes into `tensor` after its fused activation, less the zero point.

    Divides and rounds in float32, halves away from zero, as CalculateActivationRangeQuantized does.
    """
    info = np.iinfo(CODES[tensor.dtype])
    lowest, highest = int(info.min) - tensor.zero_points[0], int(info.max) - tensor.zero_points[0]
    low, high = (None if end is None else _rounded(end, tensor.scales[0]) for end in ACTIVATIONS[activation])
    return Range(low=lowest if low is None else max(low, lowest), high=highest if high is None else min(high, highest))


def same_codes(first: Tensor, second: Tensor) -> bool:
    """Whether equal codes mean equal numbers in both."""
    return (first.dtype, first.scales, first.zero_points) == (second.dtype, second.scales, second.zero_points)


def _rounded(end: float, scale: float) -> int:
    quotient = float(np.float32(end) / np.float32(scale))
    return int(np.copysign(np.floor(abs(quotient) + 0.5), quotient))
