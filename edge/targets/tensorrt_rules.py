"""TensorRT's rules for an explicitly quantized ONNX file, checked without a GPU.

Sources: NVIDIA's "Working with Quantized Types" (https://docs.nvidia.com/deeplearning/tensorrt/) and the operator table
of https://github.com/onnx/onnx-tensorrt/blob/main/docs/operators.md, for TensorRT 10 and 11.
"""

from collections.abc import Callable

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto

from edge.target import Finding, Severity
from edge.targets.derivation.graph import constant, consumers, producer

OPSETS = range(9, 24)
QUANTIZERS = ("QuantizeLinear", "DequantizeLinear")
WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
INPUT_TYPES = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.UINT8, TensorProto.INT8,
               TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL)  # fmt: skip


def check_onnx(model: ModelProto) -> list[Finding]:
    """Everything that TensorRT refuses in `model`, and warnings about what it would run slowly."""
    findings = check_opset(model)
    for rule in RULES:
        findings += rule(model.graph)
    return findings


def check_opset(model: ModelProto) -> list[Finding]:
    """Opset within the parser's range, and no operators from elsewhere."""
    findings = [
        _finding(
            "refused", "opset", f"{each.version} is outside {OPSETS.start} to {OPSETS.stop - 1}", "derive it again"
        )
        for each in model.opset_import
        if each.domain in ("", "ai.onnx") and each.version not in OPSETS
    ]
    return findings + [
        _finding("refused", _name(node), f"operator set {node.domain} needs a plugin", "use ONNX's own operators")
        for node in model.graph.node
        if node.domain not in ("", "ai.onnx")
    ]


def check_inputs(graph: GraphProto) -> list[Finding]:
    """Types that TensorRT takes, only the batch free, and uint8 read by Cast alone."""
    findings = []
    for value in graph.input:
        tensor = value.type.tensor_type
        if tensor.elem_type not in INPUT_TYPES:
            kind = TensorProto.DataType.Name(tensor.elem_type)
            findings.append(_finding("refused", value.name, f"input of type {kind}", "use uint8 or float"))
        if any(not each.dim_value for each in tensor.shape.dim[1:]):
            findings.append(_finding("refused", value.name, "an axis besides the batch is free", "fix the size"))
        readers = consumers(graph, value.name) if tensor.elem_type == TensorProto.UINT8 else []
        findings += [
            _finding("refused", _name(node), "reads uint8; TensorRT takes uint8 in Cast alone", "cast the input first")
            for node in readers
            if node.op_type != "Cast"
        ]
    return findings


def check_quantizers(graph: GraphProto) -> list[Finding]:
    """Constant positive scales, int8 codes, zero points of 0, and no int32 biases."""
    findings = []
    for node in [each for each in graph.node if each.op_type in QUANTIZERS]:
        scale = constant(graph, node.input[1])
        zero_point = constant(graph, node.input[2]) if len(node.input) > 2 else np.zeros((), np.uint8)
        codes = constant(graph, node.input[0])
        if codes is not None and codes.dtype == np.int32:
            findings.append(_finding("refused", _name(node), "dequantizes an int32 bias", "make the bias float32"))
        elif scale is None or zero_point is None:
            findings.append(_finding("refused", _name(node), "scale or zero point is computed", "make it constant"))
        elif zero_point.dtype != np.int8:
            findings.append(_finding("refused", _name(node), f"codes of {zero_point.dtype}", "use int8"))
        elif zero_point.any():
            findings.append(_finding("refused", _name(node), f"zero point {zero_point.flat[0]}", "recentre it to 0"))
        elif not (scale > 0).all():
            findings.append(_finding("refused", _name(node), "a scale that is not positive", "calibrate again"))
        elif scale.size > 1 and codes is None:
            findings.append(_finding("refused", _name(node), "per-channel scales of an activation", "use one scale"))
    return findings


def check_weighted(graph: GraphProto) -> list[Finding]:
    """Convolutions and products with both operands quantized or neither, and no BatchNormalization after them."""
    findings = []
    for node in [each for each in graph.node if each.op_type in WEIGHTED]:
        quantized = [_is_dequantized(graph, name) for name in node.input[:2]]
        if any(quantized) and not all(quantized):
            side = "data" if quantized[0] else "weights"
            findings.append(
                _finding("warning", _name(node), f"only its {side} are int8: runs in float", "quantize both")
            )
        if all(quantized) and any(each.op_type == "BatchNormalization" for each in consumers(graph, node.output[0])):
            findings.append(_finding("warning", _name(node), "BatchNormalization follows in float", "fold it"))
    return findings


def check_residuals(graph: GraphProto) -> list[Finding]:
    """An Add in a quantized network takes int8 on both sides, or runs in float."""
    findings = []
    for node in [each for each in graph.node if each.op_type == "Add"]:
        sides = [_is_dequantized(graph, name) for name in node.input if constant(graph, name) is None]
        if any(sides) and not all(sides):
            findings.append(
                _finding("warning", _name(node), "one branch is not quantized: adds in float", "quantize it")
            )
    return findings


def check_transposes(graph: GraphProto) -> list[Finding]:
    """Transposes are copies of whole tensors on the GPU."""
    return [
        _finding("warning", _name(node), "moves the whole tensor", "keep the network in NCHW")
        for node in graph.node
        if node.op_type == "Transpose"
    ]


RULES: tuple[Callable[[GraphProto], list[Finding]], ...] = (
    check_inputs,
    check_quantizers,
    check_weighted,
    check_residuals,
    check_transposes,
)


def _is_dequantized(graph: GraphProto, tensor: str) -> bool:
    node = producer(graph, tensor)
    return node is not None and node.op_type == "DequantizeLinear"


def _name(node: NodeProto) -> str:
    return f"{node.op_type} {node.name or node.output[0]}"


def _finding(severity: Severity, operator: str, reason: str, fix: str) -> Finding:
    return Finding(severity=severity, operator=operator, reason=reason, fix=fix)
