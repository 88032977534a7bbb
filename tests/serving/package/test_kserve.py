"""The ServingRuntime and the InferenceService are KServe's, and fit each other and the server."""

import copy
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource

from edge.device.contract import read_contract
from serving.settings import Place, Settings

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "kserve.json").read_text())
KUBERNETES = "kubernetes-json-schema/v1.31.0-local-strict/_definitions.json"


def _validate(manifest: Any) -> None:
    kubernetes = json.loads(files("kubernetes_validate").joinpath(KUBERNETES).read_text())
    registry = Registry().with_resources(
        [(SCHEMA["$id"], Resource.from_contents(SCHEMA)), (kubernetes["$id"], Resource.from_contents(kubernetes))]
    )
    wanted = {"$ref": f"{SCHEMA['$id']}#/$defs/{manifest['kind']}"}
    jsonschema.Draft202012Validator(wanted, registry=registry).validate(manifest)


@pytest.fixture(scope="session")
def runtime(packaged: Path) -> Any:
    return yaml.safe_load((packaged / "kserve" / "runtime.yaml").read_text())


@pytest.fixture(scope="session")
def service(packaged: Path) -> Any:
    return yaml.safe_load((packaged / "kserve" / "inference-service.yaml").read_text())


def test_kserve_manifests_are_of_the_schema(runtime: Any, service: Any) -> None:
    _validate(runtime)
    _validate(service)


@pytest.mark.parametrize(
    "path", [("protocolVersions", 0), ("containers", 0, "ports"), ("supportedModelFormats", 0, "name")]
)
def test_kserve_schema_refuses_what_is_not_of_it(runtime: Any, path: tuple[str | int, ...]) -> None:
    broken = copy.deepcopy(runtime)
    place = broken["spec"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = {"no": "such thing"}
    with pytest.raises(jsonschema.ValidationError):
        _validate(broken)


def test_kserve_service_finds_its_runtime(runtime: Any, service: Any) -> None:
    model = service["spec"]["predictor"]["model"]
    assert model["runtime"] == runtime["metadata"]["name"]
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]
    chosen = [each for each in runtime["spec"]["supportedModelFormats"] if each.get("autoSelect")]
    assert [{name: each[name] for name in ("name", "version")} for each in chosen] == [model["modelFormat"]]


def test_kserve_container_is_told_by_variables_that_the_server_reads(runtime: Any, packaged: Path) -> None:
    """The container has the name that KServe looks for, and serves what the storage initializer fetched."""
    container = runtime["spec"]["containers"][0]
    variables = {each["name"]: each["value"] for each in container["env"]}
    place, settings = Place.from_environment(variables), Settings.from_environment(variables)
    assert container["name"] == "kserve-container"
    assert settings.artifact == Path("/mnt/models")
    assert {place.port} == {
        container["ports"][0]["containerPort"],
        container["readinessProbe"]["httpGet"]["port"],
        int(runtime["spec"]["annotations"]["prometheus.kserve.io/port"]),
    }
    assert (
        read_contract(packaged / "artifact")
        .file_for("litert")
        .endswith(f".{runtime['spec']['supportedModelFormats'][1]['name']}")
    )
