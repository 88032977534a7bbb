"""Operator set, and the types and shapes of tensors.

Sources: the release's table, and "Working with Dynamic Shapes" in https://docs.nvidia.com/deeplearning/tensorrt/.
"""

from onnx import TensorProto

from edge.target import Finding, Severity
from edge.targets.jetson.network import Network, name_of, type_name
from edge.targets.jetson.releases import Release

# Carried by constants, never computed with.
SILENT_TYPES = frozenset({"UNDEFINED", "UINT8"})


def check_opset(network: Network, release: Release) -> list[Finding]:
    """ONNX's operator set within the parser's range; of older ones it says that they are not guaranteed to work."""
    version, known = network.opsets.get("", 0), release.opsets
    if version in known or "" not in network.opsets:
        return []
    severity: Severity = "uncertain" if version < known.start else "refused"
    reason = f"{version} is outside {known.start} to {known.stop - 1}"
    return [Finding(severity=severity, operator="opset", reason=reason, fix="export it with one that is within")]


def check_inputs(network: Network, release: Release) -> list[Finding]:
    """Inputs of types that the release takes."""
    findings = []
    for value in network.inputs:
        kind = type_name(value.type.tensor_type.elem_type)
        if not value.type.HasField("tensor_type"):
            reason = "is no tensor (a sequence, a map or without a type)"
            findings.append(Finding(severity="refused", operator=value.name, reason=reason, fix="use a tensor"))
        elif kind not in release.input_types:
            reason = f"input of type {kind}"
            findings.append(Finding(severity="refused", operator=value.name, reason=reason, fix="use uint8 or float"))
        elif kind == "DOUBLE":
            reason = "float64 is cast down to float32 and clamped to its range"
            findings.append(Finding(severity="warning", operator=value.name, reason=reason, fix="use float32"))
    return findings


def check_free_axes(network: Network) -> list[Finding]:
    """Only the first axis, the batch, is free: any other needs a profile, and kernels for its whole range."""
    findings = []
    for value in network.inputs:
        shape = network.shape_of(value.name)
        if shape is None:
            reason = "its number of axes is unknown"
            findings.append(Finding(severity="uncertain", operator=value.name, reason=reason, fix="give it a shape"))
        elif any(length is None or length < 0 for length in shape[1:]):
            reason = (
                "an axis besides the batch is free: it needs an optimisation profile with its least and largest size"
            )
            findings.append(Finding(severity="warning", operator=value.name, reason=reason, fix="fix the size"))
        elif any(length == 0 for length in shape):
            reason = "an axis of no length"
            findings.append(Finding(severity="refused", operator=value.name, reason=reason, fix="fix the size"))
    return findings


def check_types(network: Network, release: Release) -> list[Finding]:
    """No constant or result of a type that the parser cannot hold."""
    known = release.input_types | release.code_types | SILENT_TYPES
    given = {value.name for value in network.inputs}
    odd = {name: type_name(kind) for name, kind in network.types.items() if name not in given}
    return [
        Finding(severity="refused", operator=name, reason=f"a tensor of type {kind}", fix="use float32, int32 or int64")
        for name, kind in odd.items()
        if kind not in known
    ]


def check_uint8(network: Network) -> list[Finding]:
    """uint8 enters and leaves a network, and nothing but Cast reads it."""
    return [
        Finding(
            severity="refused",
            operator=name_of(node),
            reason="reads uint8; TensorRT takes uint8 in Cast alone",
            fix="cast the input first",
        )
        for value in network.inputs
        if value.type.tensor_type.elem_type == TensorProto.UINT8
        for node in network.readers(value.name)
        if node.op_type != "Cast"
    ]
