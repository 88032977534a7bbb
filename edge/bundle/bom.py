"""The bill of materials in a bundle: CycloneDX 1.6, with the model, its card and what the runner brings along.

https://cyclonedx.org/docs/1.6/json/ - without a serial number and a time, so that the same contents are the same file.
"""

from collections.abc import Mapping
from typing import Any

from edge.device.bundle.description import Need
from edge.device.contract import Contract

NAME = "bom.cdx.json"


def bill_of_materials(
    contract: Contract,
    proofs: list[Mapping[str, Any]],
    needs: tuple[Need, ...],
    brought: Mapping[str, str],
    licence: str,
) -> dict[str, Any]:
    """The document, ready for JSON. `licence`: an SPDX identifier or a name; empty where none was stated."""
    model = f"{contract.name}@{contract.version}"
    runner = "edgewise-device"
    libraries = [_library(name, version, "required") for name, version in brought.items()]
    lowest = {need.package: need.version for need in needs}
    runtimes = [_library(name, version, "optional") for name, version in lowest.items()]
    component: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": model,
        "name": contract.name,
        "version": contract.version,
        "description": f"{contract.task} for {contract.target}, {contract.precision}",
        "modelCard": _card(contract, proofs),
        "components": [_file(each.file, each.sha256) for each in contract.files],
    }
    if licence:
        component["licenses"] = [{"license": {"name": licence}}]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": component},
        "components": [
            {
                "type": "application",
                "bom-ref": runner,
                "name": runner,
                "version": contract.version,
                "components": libraries,
            },
            *runtimes,
        ],
        "dependencies": [{"ref": model, "dependsOn": [runner]}, {"ref": runner}],
    }


def _card(contract: Contract, proofs: list[Mapping[str, Any]]) -> dict[str, Any]:
    height, width, channels = contract.input.picture
    return {
        "modelParameters": {
            "task": contract.task,
            "inputs": [{"format": f"{contract.input.dtype} [{height}, {width}, {channels}], {contract.input.colour}"}],
            "outputs": [{"format": f"one score for each of: {', '.join(contract.output.labels)}"}],
        },
        "quantitativeAnalysis": {"performanceMetrics": [_metric(proof) for proof in proofs if not proof["refused"]]},
    }


def _metric(proof: Mapping[str, Any]) -> dict[str, Any]:
    low, high = proof["top1_interval"]
    return {
        "type": "top-1 accuracy",
        "value": f"{proof['top1']:.6f}",
        "slice": f"blind test, {proof['samples']} pictures, {proof['file']} in {proof['runtime']}",
        "confidenceInterval": {"lowerBound": f"{low:.6f}", "upperBound": f"{high:.6f}"},
    }


def _library(name: str, version: str, scope: str) -> dict[str, Any]:
    """A package: "required" ones are inside the runner; of "optional" ones a device has one, that version or newer."""
    return {
        "type": "library",
        "bom-ref": f"{scope}:{name}",
        "name": name,
        "version": version,
        "scope": scope,
        "purl": f"pkg:pypi/{name}@{version}",
    }


def _file(name: str, sha256: str) -> dict[str, Any]:
    return {"type": "file", "bom-ref": f"file:{name}", "name": name, "hashes": [{"alg": "SHA-256", "content": sha256}]}
