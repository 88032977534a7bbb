"""TensorRT's rules for an ONNX model, each a function of a network and a release's table, checked without a GPU."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from onnx import ModelProto

from edge.target import Finding
from edge.targets.jetson.network import Network, network_of
from edge.targets.jetson.placement import refused_operators
from edge.targets.jetson.releases import Release, releases_for
from edge.targets.jetson.rules.fusion import check_fusion, check_residuals, check_transposes, check_weighted
from edge.targets.jetson.rules.quantizers import check_codes, check_quantizers
from edge.targets.jetson.rules.tensors import check_free_axes, check_inputs, check_opset, check_types, check_uint8

# What holds for every release, and what depends on its table.
NETWORK_RULES: tuple[Callable[[Network], list[Finding]], ...] = (
    check_free_axes,
    check_uint8,
    check_codes,
    check_weighted,
    check_fusion,
    check_residuals,
    check_transposes,
)
RELEASE_RULES: tuple[Callable[[Network, Release], list[Finding]], ...] = (
    check_opset,
    check_inputs,
    check_types,
    check_quantizers,
)


def check_onnx(model: ModelProto, releases: Sequence[Release] | None = None) -> list[Finding]:
    """Everything that TensorRT refuses in `model`, and warnings about what it would run slowly.

    `releases` are those asked about, all that current boards may have where it is None.
    """
    asked = releases_for(None) if releases is None else releases
    network = network_of(model)
    return findings_of(network, asked) + _merged(
        {release.version: refused_operators(network, release) for release in asked}
    )


def findings_of(network: Network, releases: Sequence[Release]) -> list[Finding]:
    """What the rules say, once each; what holds for some of several releases names them."""
    found = _merged(
        {release.version: [each for rule in RELEASE_RULES for each in rule(network, release)] for release in releases}
    )
    return list(dict.fromkeys([*found, *(each for rule in NETWORK_RULES for each in rule(network))]))


def _merged(found: Mapping[str, Sequence[Finding]]) -> list[Finding]:
    """Findings by release as one list; those of some releases name them.

    What some releases refuse and others take is "uncertain": it depends on the board.
    """
    said: dict[Finding, list[str]] = {}
    refusing: dict[str, set[str]] = {}
    for version, findings in found.items():
        for finding in dict.fromkeys(findings):
            said.setdefault(finding, []).append(version)
            if finding.severity == "refused":
                refusing.setdefault(finding.operator, set()).add(version)
    everywhere = {operator for operator, versions in refusing.items() if len(versions) == len(found)}
    return [
        finding
        if len(versions) == len(found)
        else replace(
            finding,
            severity="uncertain"
            if finding.severity == "refused" and finding.operator not in everywhere
            else finding.severity,
            reason=f"TensorRT {', '.join(versions)}: {finding.reason}",
        )
        for finding, versions in said.items()
    ]
