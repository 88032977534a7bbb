"""Which operators the Edge TPU executes, and which operators its compiler can read at all.

The compiler is closed; version 16.0.384591198 of July 2021 is its last. What stands here is its documentation
(https://coral.ai/docs/edgetpu/models-intro/#supported-operations) and what published pairs of models and compiled
models, and public logs, show beyond it.
"""

from collections.abc import Callable, Mapping

from edge.targets.coral import constraints as limits
from edge.targets.coral.ruling import (
    DATA_TYPE,
    FINE,
    NOT_SUPPORTED,
    RANK,
    UNSPECIFIED,
    Ruling,
    left,
)
from edge.tflite import Graph, Operator, Tensor

Constraint = Callable[[Graph, Operator], Ruling]

INNERMOST = 3  # dimensions that may be longer than 1
EIGHT_BITS = frozenset({"INT8", "UINT8"})
LSTMS = frozenset({"LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM"})  # whose cell state is INT16


def _free(graph: Graph, operator: Operator) -> Ruling:  # noqa: ARG001 - one form for all
    return FINE


# Documented, but for TILE. Runtime 14 takes them all; where an older one does not, the compiler asks for the newer.
EDGE_TPU_OPERATORS: Mapping[str, Constraint] = {
    "ADD": _free,
    "AVERAGE_POOL_2D": limits.no_fused_activation,
    "CONCATENATION": limits.concatenation,
    "CONV_2D": limits.convolution,
    "DEPTHWISE_CONV_2D": limits.convolution,
    "EXPAND_DIMS": _free,
    "FULLY_CONNECTED": limits.fully_connected,
    "L2_NORMALIZATION": _free,
    "LOGISTIC": _free,
    "LSTM": _free,
    "MAXIMUM": _free,
    "MAX_POOL_2D": limits.no_fused_activation,
    "MEAN": limits.mean,
    "MINIMUM": _free,
    "MUL": _free,
    "PACK": limits.pack,
    "PAD": limits.padding,
    "PRELU": limits.prelu,
    "QUANTIZE": _free,
    "REDUCE_MAX": limits.reduction,
    "REDUCE_MIN": limits.reduction,
    "RELU": _free,
    "RELU6": _free,
    "RELU_N1_TO_1": _free,
    "RESHAPE": _free,
    "RESIZE_BILINEAR": limits.resize,
    "RESIZE_NEAREST_NEIGHBOR": limits.resize,
    "RSQRT": _free,
    "SLICE": _free,
    "SOFTMAX": limits.softmax,
    "SPACE_TO_DEPTH": _free,
    "SPLIT": limits.split,
    "SQUARED_DIFFERENCE": _free,
    "SQUEEZE": _free,
    "STRIDED_SLICE": limits.strided_slice,
    "SUB": _free,
    "SUM": limits.reduction,
    "TANH": _free,
    "TILE": limits.tile,
    "TRANSPOSE": limits.transpose,
    "TRANSPOSE_CONV": limits.transposed_convolution,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _free,
}

# The highest version that a TFLite of the compiler's age reads, 1 where not listed: tensorflow/lite/kernels/register.cc
# between TensorFlow 2.4 and 2.5, as https://github.com/kingsoft-wps/KSAI-Lite keeps it; RSQRT and REVERSE_V2 as
# compiler 16 was seen to read them (google-coral/edgetpu #384). A higher one may be readable: the compiler is younger.
_BY_VERSION: Mapping[int, str] = {
    2: "ABS ARG_MAX ARG_MIN DIV FAKE_QUANT FILL FLOOR_DIV GATHER_ND GREATER GREATER_EQUAL L2_NORMALIZATION LEAKY_RELU "
    "LESS LESS_EQUAL LOG_SOFTMAX MIRROR_PAD QUANTIZE REDUCE_MAX REDUCE_MIN RELU RELU6 RSQRT SELECT SPACE_TO_DEPTH "
    "SPLIT_V SUM TILE TOPK_V2",
    3: "AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND BIDIRECTIONAL_SEQUENCE_LSTM BIDIRECTIONAL_SEQUENCE_RNN "
    "CONCATENATION EMBEDDING_LOOKUP EQUAL LOGISTIC MAX_POOL_2D MEAN NOT_EQUAL PACK PAD PADV2 RESIZE_BILINEAR "
    "REVERSE_V2 RNN SOFTMAX SPACE_TO_BATCH_ND SPARSE_TO_DENSE TANH TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM "
    "UNIDIRECTIONAL_SEQUENCE_RNN",
    4: "ADD DEQUANTIZE GATHER LSTM MAXIMUM MINIMUM MUL RESIZE_NEAREST_NEIGHBOR SLICE SPLIT STRIDED_SLICE SVDF UNPACK",
    5: "CONV_2D SUB TRANSPOSE",
    6: "DEPTHWISE_CONV_2D",
    9: "FULLY_CONNECTED",
}
READABLE_VERSIONS: Mapping[str, int] = {
    name: version for version, names in _BY_VERSION.items() for name in names.split()
}
# "Didn't find op for builtin opcode": google-coral/edgetpu #631 (grouped), #845 (fused activation), #879 (per channel)
# and google-coral/libedgetpu #71.
UNREADABLE_VERSIONS: Mapping[str, int] = {"CONV_2D": 6, "TRANSPOSE_CONV": 4, "QUANTIZE": 3, "EXP": 2}
UNREADABLE_CODE = 150  # "Op builtin_code out of range": builtin operators that came after the compiler
READABLE_CUSTOM = frozenset({"CUSTOM:PosenetDecoderOp", "CUSTOM:TFLite_Detection_PostProcess"})


def judge(graph: Graph, operator: Operator) -> Ruling:
    """Whether the Edge TPU takes `operator` by itself, wherever it stands in the graph."""
    tensors = graph.activations(operator)
    if operator.name.startswith("CUSTOM:"):
        return left(DATA_TYPE if any(tensor.dtype == "FLOAT32" for tensor in tensors) else NOT_SUPPORTED)
    constraint = EDGE_TPU_OPERATORS.get(operator.name)
    if constraint is None:
        # The compiler's log puts the type first for this one.
        return left(DATA_TYPE if operator.name == "DEQUANTIZE" else NOT_SUPPORTED)
    allowed = EIGHT_BITS | {"INT16"} if operator.name in LSTMS else EIGHT_BITS
    wrong = next((tensor for tensor in tensors if tensor.dtype not in allowed or not tensor.scales), None)
    if wrong is not None:
        status = UNSPECIFIED if operator.name == "QUANTIZE" else DATA_TYPE
        return left(status, wrong.dtype if wrong.dtype not in allowed else f"{wrong.name} is not quantized")
    deep = next((tensor for tensor in tensors if _too_deep(tensor)), None)
    if deep is not None and operator.name not in LSTMS:
        return left(RANK, str(list(deep.shape)))
    return constraint(graph, operator)


def unreadable(operator: Operator) -> str:
    """Why the compiler stops at the whole file on account of `operator`; empty where it reads it."""
    if operator.name == "CUSTOM:edgetpu-custom-op":
        return "is compiled already"
    if operator.name.startswith("CUSTOM:"):
        return "" if operator.name in READABLE_CUSTOM else "Encountered unresolved custom op"
    if operator.code >= UNREADABLE_CODE:
        return f"Op builtin_code out of range: {operator.code}, came after compiler 16"
    first = UNREADABLE_VERSIONS.get(operator.name)
    if first is not None and operator.version >= first:
        return f"Didn't find op for builtin opcode '{operator.name}' version '{operator.version}', below {first} wanted"
    return ""


def perhaps_unreadable(operator: Operator) -> str:
    """Why nobody knows whether the compiler reads `operator`; empty where it is known."""
    known = READABLE_VERSIONS.get(operator.name, 1)
    if operator.name.startswith("CUSTOM:") or operator.version <= known:
        return ""
    return f"nobody knows whether compiler 16 reads version {operator.version}; it reads {known}"


def _too_deep(tensor: Tensor) -> bool:
    return any(length != 1 for length in tensor.shape[:-INNERMOST])
