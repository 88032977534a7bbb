"""What OpenVINO itself says about a model: whether its front end reads each operator, and which plugin executes it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.device.errors import Unavailable
from edge.target import Finding, PlacedOperator, Placement
from edge.tflite import read_graph

# What its front ends write: "No translator found for X node" (TFLite), "... for operations: X-17, domain.Y" (ONNX).
UNKNOWN = re.compile(
    r"No (?:translator|conversion rule) found for (?:operations: )?([^\n]+?)(?: node\.)?$", re.MULTILINE
)
OPSET = re.compile(r"-\d+$")

FAILURES = (RuntimeError, UnicodeDecodeError)  # the second: a damaged file's names are no text


@dataclass(frozen=True, kw_only=True)
class _Refusal:
    """The operators that OpenVINO has no translation for, and all that it says."""

    unknown: frozenset[str]
    reason: str


def ask(model: Path) -> tuple[tuple[PlacedOperator, ...], tuple[Finding, ...]]:
    """Where OpenVINO executes the operators of a TFLite or ONNX file, and what else it has to say.

    "accelerator" where a GPU or NPU of this host takes the whole network, "cpu" where the CPU plugin takes it.
    Raises BadModel where the file is neither, Unavailable where openvino is missing.
    """
    names = _operator_names(model)
    try:
        import openvino
    except ImportError:
        raise Unavailable("the package openvino is missing; pip install openvino") from None

    core = openvino.Core()
    try:
        network = core.read_model(model)
    except FAILURES as error:
        return _refused_by_front_end(names, _refusal(str(error)))
    takers = [device for device in core.available_devices if not _left_out(core, network, device)]
    accelerators = [device for device in takers if device != "CPU"]
    findings = [_not_taken(each) for each in _left_out(core, network, "CPU")] if not takers else []
    if not accelerators:
        reason = "no Intel GPU or NPU here that takes the network; whether another one does, only it can say"
        findings.append(Finding(severity="note", operator="devices", reason=reason, fix="see DEVICE.md"))
    placement: Placement = "accelerator" if accelerators else "cpu"
    operators = tuple(
        PlacedOperator(index=index, name=name, placement=placement, reason=", ".join(takers))
        for index, name in enumerate(names)
    )
    return operators, tuple(findings)


def _operator_names(model: Path) -> list[str]:
    if model.suffix.lower() == ".onnx":
        from edge.onnx_file import read_onnx

        return [node.op_type for node in read_onnx(model).graph.node]
    return [operator.name for operator in read_graph(model).operators]


def _left_out(core: Any, network: Any, device: str) -> list[str]:
    """The nodes of OpenVINO's own graph that the plugin of `device` does not execute."""
    try:
        taken = core.query_model(network, device)
        return [
            f"{node.get_type_name()} {node.get_friendly_name()}"
            for node in network.get_ordered_ops()
            if node.get_friendly_name() not in taken
        ]
    except FAILURES as error:
        return [_last_line(str(error))]


def _refusal(message: str) -> _Refusal:
    found = UNKNOWN.search(message)
    listed = found.group(1).split(",") if found else []
    unknown = frozenset(OPSET.sub("", each.strip()).rsplit(".", 1)[-1] for each in listed)
    return _Refusal(unknown=unknown, reason=found.group(0) if found else _last_line(message))


def _last_line(message: str) -> str:
    """What OpenVINO means: the lines before say where in its source it was raised."""
    return next((line.strip() for line in reversed(message.splitlines()) if line.strip()), "it gave no reason")


def _refused_by_front_end(
    names: list[str], refusal: _Refusal
) -> tuple[tuple[PlacedOperator, ...], tuple[Finding, ...]]:
    operators = tuple(
        PlacedOperator(index=index, name=name, placement="refused", reason="OpenVINO has no translation for it")
        if name.removeprefix("CUSTOM:") in refusal.unknown
        else PlacedOperator(index=index, name=name, placement="uncertain", reason="OpenVINO did not come to it")
        for index, name in enumerate(names)
    )
    fix = "use operators that OpenVINO's front end translates"
    return operators, (Finding(severity="refused", operator="network", reason=refusal.reason, fix=fix),)


def _not_taken(node: str) -> Finding:
    reason = "OpenVINO's CPU plugin does not execute it"
    return Finding(severity="refused", operator=node, reason=reason, fix="use other layers")
