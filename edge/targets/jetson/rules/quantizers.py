"""QuantizeLinear and DequantizeLinear, the explicit quantization of TensorRT.

Source: "Working with Quantized Types", https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/
work-quantized-types.html; each refusal but those marked otherwise was seen from the parser of TensorRT-RTX 1.7.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto

from edge.target import Finding, Severity
from edge.targets.jetson.network import Network, attribute, name_of, type_name
from edge.targets.jetson.releases import Release

QUANTIZERS = ("QuantizeLinear", "DequantizeLinear")
WEIGHT_AXES = {"Conv": 0, "ConvTranspose": 1}  # the axis of the output channels
# Operators that TensorRT moves codes through, or that only rearrange them.
CODE_READERS = frozenset(
    {*QUANTIZERS, "Cast", "CastLike", "Clip", "Concat", "Expand", "Flatten", "Gather", "Identity", "MaxPool", "Pad",
     "Relu", "Reshape", "Shape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"}
)  # fmt: skip


def check_quantizers(network: Network, release: Release) -> list[Finding]:
    """Constant positive scales, codes of a type that the release has, zero points of 0, one axis of channels."""
    nodes = [node for node in network.nodes if node.op_type in QUANTIZERS]
    return [finding for node in nodes for finding in _check_quantizer(network, node, release)]


def check_codes(network: Network) -> list[Finding]:
    """Nothing computes on integer codes (not asked of the parser): Q/DQ stand around operators on floats."""
    return [
        _finding(node, "computes on integer codes", "quantize around operators on floats (Q/DQ), not within them")
        for quantize in network.nodes
        if quantize.op_type == "QuantizeLinear"
        for node in network.readers(next(iter(quantize.output), ""))
        if node.op_type not in CODE_READERS
    ]


def _check_quantizer(network: Network, node: NodeProto, release: Release) -> list[Finding]:
    if len(node.input) < 2:
        return [_finding(node, "has no scale", "give it one")]
    kind = _code_type(network, node)
    if kind == TensorProto.INT32:
        return [_finding(node, "dequantizes an int32 bias", "make the bias float32")]
    if kind == TensorProto.UINT8 and _takes_default_type(network, node):
        reason = "it has no zero point: ONNX then makes codes of uint8, TensorRT of int8"
        return [_finding(node, reason, "add an int8 zero point of 0", "uncertain"), *_check_scale(network, node)]
    if kind == TensorProto.UINT8:
        reason = "codes of uint8; TensorRT reads them as int8, which ends at 127"
        return [_finding(node, reason, "use int8 with zero point 0")]
    if type_name(kind) not in release.code_types and kind != TensorProto.UNDEFINED:
        return [_finding(node, f"codes of {type_name(kind)}", f"use {' or '.join(sorted(release.code_types))}")]
    return _check_zero_point(network, node) + _check_scale(network, node)


def _check_zero_point(network: Network, node: NodeProto) -> list[Finding]:
    name = node.input[2] if len(node.input) > 2 else ""
    if not name:
        return []
    if not network.is_constant(name):
        return [_finding(node, "its zero point is computed", "make it constant")]
    zero_point = network.value(name)
    if zero_point is None:
        return [_finding(node, "its zero point cannot be read", "use constants within the file", "uncertain")]
    nonzero = zero_point[np.asarray(zero_point, np.float64) != 0]
    return [_finding(node, f"zero point {nonzero.flat[0]}", "recentre it to 0")] if nonzero.size else []


def _check_scale(network: Network, node: NodeProto) -> list[Finding]:
    if not network.is_constant(node.input[1]):
        # The parser takes it; the quantization guide asks for a build-time constant.
        return [_finding(node, "its scale is computed", "make it constant")]
    scale = network.value(node.input[1])
    if scale is None:
        return [_finding(node, "its scale cannot be read", "use constants within the file", "uncertain")]
    if scale.dtype.kind != "f" or not scale.size:
        return [_finding(node, f"a scale of {scale.dtype} {list(scale.shape)}", "use positive float32 numbers")]
    values = scale.astype(np.float64)
    if not (np.isfinite(values) & (values > 0)).all():
        bad = values[~(np.isfinite(values) & (values > 0))].flat[0]
        return [_finding(node, f"a scale of {bad:g} is not positive and finite", "calibrate again")]
    return _check_channels(network, node, values)


def _check_channels(network: Network, node: NodeProto, scale: NDArray[Any]) -> list[Finding]:
    """One scale for an activation; for weights one, or one for each output channel."""
    if scale.size == 1:
        return []
    if scale.ndim > 1:
        if attribute(node, "block_size", 0) > 0:
            return []  # int4 and fp4 weights are scaled in blocks
        return [_finding(node, f"scales of {scale.ndim} axes", "use one, or one for each channel")]
    weights = node.input[0]
    if not network.is_constant(weights) and not _quantizes_constant(network, node):
        return [_finding(node, "per-channel scales of an activation", "use one scale")]
    shape = network.shape_of(weights) or ()
    axis = attribute(node, "axis", 1)
    if shape and (not -len(shape) <= axis < len(shape) or shape[axis] != scale.size):
        return [_finding(node, f"{scale.size} scales along axis {axis} of {list(shape)}", "give each channel one")]
    rank = len(shape) or 1
    for reader in network.readers(next(iter(node.output), "")):
        expected = WEIGHT_AXES.get(reader.op_type)
        if expected is not None and shape and axis % rank != expected and list(reader.input[1:2]) == [node.output[0]]:
            reason = f"scales along axis {axis} of {reader.op_type}'s weights"
            return [_finding(node, reason, f"scale the output channels, axis {expected}")]
    return []


def _quantizes_constant(network: Network, node: NodeProto) -> bool:
    """Whether these are weights quantized in the graph: constant, QuantizeLinear, DequantizeLinear."""
    maker = network.makers.get(node.input[0])
    return maker is not None and maker.op_type == "QuantizeLinear" and network.is_constant(next(iter(maker.input), ""))


def _code_type(network: Network, node: NodeProto) -> int:
    """The TensorProto.DataType of the codes that `node` makes or reads; ONNX's default for made ones is uint8."""
    if len(node.input) > 2 and node.input[2]:
        return network.type_of(node.input[2])
    if node.op_type == "DequantizeLinear":
        return network.type_of(node.input[0])
    return int(attribute(node, "output_dtype", 0)) or int(TensorProto.UINT8)


def _takes_default_type(network: Network, node: NodeProto) -> bool:
    """Whether nothing names the type of the codes: no zero point and no `output_dtype` here or at their maker."""
    if len(node.input) > 2 and node.input[2]:
        return False
    if node.op_type == "QuantizeLinear":
        return not attribute(node, "output_dtype", 0)
    maker = network.makers.get(node.input[0])
    return maker is not None and maker.op_type == "QuantizeLinear" and _takes_default_type(network, maker)


def _finding(node: NodeProto, reason: str, fix: str, severity: Severity = "refused") -> Finding:
    return Finding(severity=severity, operator=name_of(node), reason=reason, fix=fix)
