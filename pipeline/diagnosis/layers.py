"""The layers of a model file in words that TFLite and ONNX share, and which tensor holds each one's answer.

A layer is an operator with what is fused to it or follows it alone: its bias, ReLU, rescaling and quantizer. What only
moves, casts or requantizes numbers belongs to no layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

# What both formats call alike, ReLU fused or not. Other operators go by their own names.
_KINDS = {
    "CONV_2D": "convolution",
    "DEPTHWISE_CONV_2D": "convolution",
    "Conv": "convolution",
    "TRANSPOSE_CONV": "transposed convolution",
    "ConvTranspose": "transposed convolution",
    "FULLY_CONNECTED": "dense",
    "BATCH_MATMUL": "dense",
    "Gemm": "dense",
    "MatMul": "dense",
    "MEAN": "average",
    "AVERAGE_POOL_2D": "average",
    "GlobalAveragePool": "average",
    "AveragePool": "average",
    "ReduceMean": "average",
    "ReduceSum": "average",
    "MAX_POOL_2D": "maximum",
    "REDUCE_MAX": "maximum",
    "MaxPool": "maximum",
    "GlobalMaxPool": "maximum",
    "ReduceMax": "maximum",
    "MUL": "multiply",
    "Mul": "multiply",
    "SUB": "subtract",
    "CONCATENATION": "concatenation",
    "Concat": "concatenation",
    "LOGISTIC": "sigmoid",
}
# What TensorFlow calls the operation of a kind, in the names of tensors.
_OPERATIONS = {"convolution": ("Conv2D", "depthwise"), "dense": ("MatMul",)}
INPUT = "input"


@dataclass(frozen=True, kw_only=True)
class Codes:
    """How a layer's answer is quantized: its real values are `scale * (code - zero_point)`, codes low..high."""

    scale: float
    zero_point: int
    low: int
    high: int

    @property
    def reach(self) -> tuple[float, float]:
        """The smallest and the largest real value that there is a code for."""
        return self.scale * (self.low - self.zero_point), self.scale * (self.high - self.zero_point)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer of a file. Number 0, of kind "input", is the picture as the first layer receives it.

    `tensor`: what holds its answer, an index in a TFLite file and a name in ONNX. `shape`: of that tensor as it stands.
    `weights`: how many numbers the layer multiplies with. `sources`: the numbers of the layers whose answers it reads.
    `channels_first`: whether a shape of rank 4 is likely [1, c, h, w], as ONNX has it, and not [1, h, w, c].
    `codes` is None where the answer is in float, or where the file does not say what its integers mean.
    """

    number: int
    kind: str
    name: str  # of the Keras layer as far as the file tells it, or empty
    tensor: int | str
    shape: tuple[int, ...]
    weights: int
    sources: tuple[int, ...]
    codes: Codes | None
    channels_first: bool = False

    @property
    def label(self) -> str:
        """What people read, e.g. "3 convolution conv2d_2"."""
        return f"{self.number} {self.kind} {self.name}".rstrip()

    @property
    def key(self) -> tuple[str, tuple[int, ...], int]:
        """What layers of two files that compute the same have in common, whatever the order of their axes."""
        return self.kind, tuple(sorted(length for length in self.shape if length > 1)), self.weights


def kind_of(operator: str) -> str:
    """The common name of a TFLite or ONNX operator."""
    return _KINDS.get(operator, operator.lower())


def keras_name(candidates: Sequence[str], kind: str = "") -> str:
    """The name of the Keras layer behind a tensor, from names that the converter gave it and its weights; empty where
    none tells.

    TensorFlow joins what was fused with ";": "core/re_lu/Relu;core/conv2d/Conv2D1". The part that names the operator
    itself is taken where `kind` tells which that is, or else the last.
    """
    paths = [
        [step.removeprefix("quant_") for step in part.split("/")]
        for candidate in candidates
        for part in reversed(candidate.split(";"))
    ]
    known = [path for path in paths if len(path) >= 3 and path[0] == "core"]
    own = [path for path in known if path[-1].startswith(_OPERATIONS.get(kind, ("",)))]
    return next(("/".join(path[1:-1]).removesuffix("/BiasAdd") for path in (*own, *known)), "")


def size(shape: Sequence[int]) -> int:
    """How many numbers a tensor of `shape` holds; lengths that are not known count as one."""
    return prod(max(length, 1) for length in shape)
