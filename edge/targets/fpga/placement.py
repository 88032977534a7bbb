"""What the fixed-point flow takes of anybody's network: layers of TFLite and ONNX, by name."""

from math import prod
from pathlib import Path

from edge.device.errors import BadModel
from edge.target import PlacedOperator
from edge.tflite import Graph, Operator, read_graph

# Layers of `edge.fixed_point.network`, and what is folded into them or only moves numbers.
TFLITE = frozenset(
    {"FULLY_CONNECTED", "CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D", "MEAN", "RELU", "ADD", "RESHAPE", "QUANTIZE",
     "DEQUANTIZE", "CAST", "MUL", "SUB", "PAD"}
)  # fmt: skip
ONNX = frozenset(
    {"Gemm", "MatMul", "Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "ReduceMean", "Relu", "Clip", "Add",
     "Reshape", "Flatten", "Transpose", "BatchNormalization", "QuantizeLinear", "DequantizeLinear", "Cast", "Mul",
     "Sub", "Identity", "Constant", "Squeeze", "Pad"}
)  # fmt: skip
POOLS = frozenset({"AVERAGE_POOL_2D", "MEAN"})
REFUSED = "has no layer in fixed point"


def place_tflite(model: Path) -> tuple[tuple[PlacedOperator, ...], int, int]:
    """Every operator of a TFLite file placed, its weights, and its multiplications for one picture.

    Raises BadModel where the file is no TFLite model.
    """
    graph = read_graph(model)
    operators = tuple(_placed(each.index, each.name, _against(graph, each)) for each in graph.operators)
    weights = macs = 0
    for operator in graph.operators:
        if operator.name in ("FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D") and len(operator.inputs) > 1:
            kernel, result = graph.tensors[operator.inputs[1]], graph.tensors[operator.outputs[0]]
            size = prod(kernel.shape)
            weights += size
            macs += size * prod(result.shape[1:-1])
    return operators, weights, macs


def place_onnx(model: Path) -> tuple[tuple[PlacedOperator, ...], int, int]:
    """Every operator of an ONNX file placed, its weights, and 0: shapes between layers need not stand in the file.

    Raises BadModel where the file is no ONNX model, Unavailable where the package onnx is missing.
    """
    from edge.onnx_file import read_onnx

    graph = read_onnx(model).graph
    sizes = {tensor.name: prod(tensor.dims) for tensor in graph.initializer}
    operators = []
    weights = 0
    for index, node in enumerate(graph.node):
        grouped = any(each.name == "group" and each.i != 1 for each in node.attribute)
        against = "" if node.op_type in ONNX else REFUSED
        operators.append(_placed(index, node.op_type, "is a grouped convolution" if grouped else against))
        if node.op_type in ("Gemm", "MatMul", "Conv"):
            weights += max((sizes.get(name, 0) for name in node.input), default=0)
    return tuple(operators), weights, 0


def _against(graph: Graph, operator: Operator) -> str:
    """Why the flow does not take an operator; empty where it does."""
    if operator.name not in TFLITE:
        return REFUSED
    if operator.name in POOLS:
        source, result = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
        area = prod(source.shape[1:3]) // max(1, prod(result.shape[1:3]) if len(result.shape) == 4 else 1)
        if area & (area - 1):
            return f"averages {area} numbers; only a power of two is a shift"
    return ""


def _placed(index: int, name: str, against: str) -> PlacedOperator:
    return PlacedOperator(index=index, name=name, placement="refused" if against else "accelerator", reason=against)


def place(model: Path) -> tuple[tuple[PlacedOperator, ...], int, int]:
    """`place_onnx` for a name that ends in .onnx, else `place_tflite`."""
    if model.suffix == ".onnx":
        return place_onnx(model)
    if model.suffix == ".npz":
        raise BadModel(f"{model}: no fixed-point network of ours; export it again")
    return place_tflite(model)
