"""The manifests are Kubernetes', by its own schemas, and fit each other and the server."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from serving import run
from serving.settings import Settings

# The oldest and the newest release that the schemas at hand have; the HPA is v2 since 1.23.
VERSIONS = ("1.25", "1.31", kubernetes_validate.latest_version())


@pytest.fixture(scope="session")
def manifests(packaged: Path) -> Mapping[str, Any]:
    """The objects of kustomization.yaml, by kind."""
    folder = packaged / "kubernetes"
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    assert {*listed, "kustomization.yaml"} == {path.name for path in folder.iterdir()}
    loaded = [yaml.safe_load((folder / name).read_text()) for name in listed]
    return {each["kind"]: each for each in loaded}


def _pod(manifests: Mapping[str, Any]) -> Any:
    return manifests["Deployment"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_are_of_the_schema(manifests: Mapping[str, Any], version: str) -> None:
    assert set(manifests) == {
        "Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy",
    }  # fmt: skip
    for manifest in manifests.values():
        kubernetes_validate.validate(manifest, version, strict=True)


def test_manifests_choose_the_pods_of_the_deployment(manifests: Mapping[str, Any]) -> None:
    spec = manifests["Deployment"]["spec"]
    labels = spec["template"]["metadata"]["labels"].items()
    selectors = [
        spec["selector"]["matchLabels"],
        manifests["Service"]["spec"]["selector"],
        manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        manifests["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        *(each["labelSelector"]["matchLabels"] for each in _pod(manifests)["topologySpreadConstraints"]),
    ]
    assert all(selector and selector.items() <= labels for selector in selectors)
    target = manifests["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", manifests["Deployment"]["metadata"]["name"])
    assert "replicas" not in spec  # or each apply would undo the autoscaler


def test_manifests_let_requests_end_before_a_pod_is_killed(manifests: Mapping[str, Any]) -> None:
    pod = _pod(manifests)
    waits = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > waits + run.DRAIN
    assert manifests["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_manifests_give_memory_for_the_largest_requests(manifests: Mapping[str, Any]) -> None:
    resources = _pod(manifests)["containers"][0]["resources"]
    request, limit = (int(resources[kind]["memory"].removesuffix("Mi")) for kind in ("requests", "limits"))
    settings = Settings(artifact=Path())
    bodies, picture = settings.queue * settings.body_bytes, 3 * settings.pixels
    assert 64 <= request <= 512
    assert limit - request >= (bodies + picture) / 2**20
    assert "cpu" not in resources["limits"]


def test_manifests_ask_paths_that_are_served_without_a_key(manifests: Mapping[str, Any]) -> None:
    from serving.routes import ROUTES

    container = _pod(manifests)["containers"][0]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert not ROUTES[container[probe]["httpGet"]["path"]].guarded
    annotations = manifests["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] in ROUTES
    assert int(annotations["prometheus.io/port"]) == container["ports"][0]["containerPort"]


def test_manifests_give_the_container_no_rights(manifests: Mapping[str, Any]) -> None:
    """The restricted profile of Kubernetes' Pod Security Standards."""
    pod = _pod(manifests)
    container = pod["containers"][0]["securityContext"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["allowPrivilegeEscalation"] is False
    assert container["readOnlyRootFilesystem"] is True
    assert container["capabilities"] == {"drop": ["ALL"]}
    assert pod["automountServiceAccountToken"] is False
    assert all(set(volume) & {"emptyDir", "secret"} for volume in pod["volumes"])


def test_manifests_refer_to_the_key_as_a_secret(manifests: Mapping[str, Any]) -> None:
    pod = _pod(manifests)
    variables = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}
    mounts = {each["name"]: each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
    assert variables["EDGEWISE_API_KEY_FILE"] == f"{mounts['keys']}/keys"
    assert next(each for each in pod["volumes"] if each["name"] == "keys")["secret"]["secretName"]


def test_manifests_build_with_kustomize(packaged: Path, manifests: Mapping[str, Any]) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("needs kubectl")
    built = subprocess.run([kubectl, "kustomize", packaged / "kubernetes"], capture_output=True, text=True, check=True)
    assert {each["kind"]: each for each in _documents(built.stdout)} == manifests


def _documents(text: str) -> Iterator[Any]:
    yield from yaml.safe_load_all(text)
