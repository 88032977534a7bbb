"""The verdict on one ONNX model, for one board or for all releases of TensorRT."""

from collections.abc import Sequence
from dataclasses import replace

import onnx
from onnx import ModelProto

from edge.boards import Board
from edge.onnx_file import external_tensors
from edge.target import Finding, PlacedOperator, Verdict
from edge.targets.jetson.abilities import check_abilities, check_memory, check_typing
from edge.targets.jetson.dla import dla_cores, place_on_dla
from edge.targets.jetson.estimates import estimate
from edge.targets.jetson.network import UNDECODABLE, Network, name_of, network_of
from edge.targets.jetson.parser import ask_parser
from edge.targets.jetson.placement import place
from edge.targets.jetson.releases import releases_for
from edge.targets.jetson.rules import findings_of


def verdict_on(model: ModelProto, board: Board | None, extra: Sequence[Finding] = ()) -> Verdict:
    """Where TensorRT executes each operator of `model`, what it refuses or runs slowly, and how large the network is.

    `extra` findings come first.
    """
    releases = releases_for(board)
    network = network_of(model)
    operators = place(network, releases)
    findings = [*extra, *check_validity(model), *findings_of(network, releases)]
    estimates = estimate(network)
    if any(release.strongly_typed_only for release in releases):
        findings += check_typing(network)
        findings += ask_parser(model)
    if board is not None:
        findings += check_abilities(network, board) + check_memory(estimates, board)
        if dla_cores(board):
            operators, said = place_on_dla(network, operators, board)
            findings += said
    return Verdict(
        target="jetson",
        board=None if board is None else board.name,
        operators=_placed_as_found(network, operators, findings),
        findings=tuple(dict.fromkeys(findings)),
        estimates=estimates,
    )


def _placed_as_found(
    network: Network, operators: Sequence[PlacedOperator], findings: Sequence[Finding]
) -> tuple[PlacedOperator, ...]:
    """`operators` with those that a finding refuses, or doubts where they stood on the accelerator, placed so."""
    reasons: dict[str, dict[str, str]] = {"refused": {}, "uncertain": {}}
    for finding in findings:
        if finding.severity in reasons:
            reasons[finding.severity].setdefault(finding.operator, finding.reason)
    placed = []
    for operator, node in zip(operators, network.nodes, strict=True):
        name = name_of(node)
        if name in reasons["refused"] and operator.placement != "refused":
            operator = replace(operator, placement="refused", reason=reasons["refused"][name])
        elif name in reasons["uncertain"] and operator.placement == "accelerator":
            operator = replace(operator, placement="uncertain", reason=reasons["uncertain"][name])
        placed.append(operator)
    return tuple(placed)


def check_validity(model: ModelProto) -> list[Finding]:
    """What ONNX's own checker says against the model; TensorRT's parser may still take it."""
    if external_tensors(model):
        return []  # it would look for the files
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, RuntimeError, *UNDECODABLE) as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        reason = f"ONNX's checker refuses it: {lines[0] if lines else type(error).__name__}"
        return [Finding(severity="uncertain", operator="model", reason=reason, fix="export it again")]
    return []
