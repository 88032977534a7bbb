"""A bundle is what was proven, in one file, the same each time; model-signing and CycloneDX accept what is in it."""

import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from edge.bundle.making import find_artifact, plan, write_bundle
from edge.bundle.signing import make_key
from edge.device.errors import BadArtifact, BadSetting

MakeBundle = Callable[..., Path]
MakeArtifact = Callable[..., Path]


@pytest.fixture
def unpacked(make_bundle: MakeBundle, tmp_path: Path) -> Path:
    """The bundle's files, as tar sees them."""
    with tarfile.open(make_bundle()) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


def test_the_same_inputs_are_the_same_bytes(make_artifact: MakeArtifact, signing_key: Path, tmp_path: Path) -> None:
    artifact = make_artifact(tmp_path / "artifact")
    one = write_bundle(plan(artifact, None, None), signing_key, tmp_path / "one.bundle")
    other = write_bundle(plan(artifact, None, None), signing_key, tmp_path / "other.bundle")
    assert one.read_bytes() == other.read_bytes()


def test_bundle_is_called_by_name_version_and_target(make_bundle: MakeBundle) -> None:
    assert make_bundle(version="1.2.0").name == "tiny-1.2.0-cpu.bundle"


def test_tar_lists_what_belongs_to_a_model(unpacked: Path, artifact: Path) -> None:
    files = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    inside = {f"artifact/{path.name}" for path in artifact.iterdir()}
    assert files == inside | {
        *("model.sig", "bundle.json", "bom.cdx.json", "labels.txt", "LICENSE", "edgewise-device.pyz"),
    }
    assert (unpacked / "labels.txt").read_text().splitlines() == ["cat", "dog", "owl"]
    assert "No licence was stated" in (unpacked / "LICENSE").read_text()


def test_model_signing_verifies_the_unpacked_bundle(unpacked: Path, signing_key: Path) -> None:
    """The command line of OpenSSF's own package, which knows nothing of bundles."""
    command = [sys.executable, "-m", "model_signing", "verify", "key", str(unpacked)]
    options = ["--signature", str(unpacked / "model.sig"), "--public_key", str(signing_key.with_suffix(".pub.pem"))]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (unpacked / "labels.txt").write_text("cat\nowl\ndog\n")
    assert subprocess.run([*command, *options], capture_output=True, check=False).returncode != 0


def test_bill_of_materials_is_valid_cyclonedx(unpacked: Path) -> None:
    text = (unpacked / "bom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    model = json.loads(text)["metadata"]["component"]
    assert (model["type"], model["name"], model["version"]) == ("machine-learning-model", "tiny", "1.0.0")
    metrics = model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert [metric["value"] for metric in metrics] == ["1.000000", "1.000000"]


def test_licence_travels_with_the_model(make_artifact: MakeArtifact, tmp_path: Path) -> None:
    (tmp_path / "CC-BY-4.0").write_text("Attribution 4.0 International\n")
    made = plan(make_artifact(tmp_path / "artifact"), None, tmp_path / "CC-BY-4.0")
    assert made.contents["LICENSE"] == b"Attribution 4.0 International\n"
    component = json.loads(made.contents["bom.cdx.json"])["metadata"]["component"]
    assert component["licenses"] == [{"license": {"name": "CC-BY-4.0"}}]


def test_changed_artefact_is_refused(make_artifact: MakeArtifact, tmp_path: Path) -> None:
    artifact = make_artifact(tmp_path / "artifact")
    (artifact / "model.tflite").write_bytes(b"other")
    with pytest.raises(BadArtifact, match=r"model\.tflite: SHA-256 .*the manifest says"):
        plan(artifact, None, None)


def test_run_folder_needs_a_target(make_artifact: MakeArtifact, tmp_path: Path) -> None:
    artifact = make_artifact(tmp_path / "run" / "export" / "cpu")
    assert find_artifact(tmp_path / "run", "cpu") == artifact
    with pytest.raises(BadArtifact, match="holds cpu; say which with --target"):
        find_artifact(tmp_path / "run", None)
    with pytest.raises(BadArtifact, match="no artefact for 'coral'; expected one of cpu"):
        find_artifact(tmp_path / "run", "coral")
    with pytest.raises(BadArtifact, match="no artefact there; make one"):
        find_artifact(tmp_path, None)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"nonsense", "no private key in PEM form"),
        (b"rsa", "expected an elliptic-curve key on P-256, P-384 or P-521"),
        (b"encrypted", "encrypted; expected one without a password"),
    ],
)
def test_key_of_another_kind_is_refused(
    make_artifact: MakeArtifact, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "key.pem"
    if content == b"rsa":
        subprocess.run(["openssl", "genrsa", "-out", path, "2048"], check=True, capture_output=True)
    elif content == b"encrypted":
        command = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-aes256"]
        subprocess.run([*command, "-pass", "pass:secret", "-out", path], check=True, capture_output=True)
    else:
        path.write_bytes(content)
    with pytest.raises(BadSetting, match=words):
        write_bundle(plan(make_artifact(tmp_path / "artifact"), None, None), path, tmp_path)
    assert not list(tmp_path.glob("*.bundle"))


def test_new_key_is_for_its_owner_alone_and_overwrites_nothing(tmp_path: Path) -> None:
    public = make_key(tmp_path / "signing.pem")
    assert (tmp_path / "signing.pem").stat().st_mode & 0o777 == 0o600
    assert public.read_text().startswith("-----BEGIN PUBLIC KEY-----")
    with pytest.raises(BadSetting, match="is there already"):
        make_key(tmp_path / "signing.pem")


def test_output_that_cannot_be_is_refused(make_artifact: MakeArtifact, signing_key: Path, tmp_path: Path) -> None:
    made = plan(make_artifact(tmp_path / "artifact"), None, None)
    with pytest.raises(BadSetting, match="no such folder"):
        write_bundle(made, signing_key, tmp_path / "nowhere" / "x.bundle")
    with pytest.raises(BadSetting, match=r"no such folder.*ends in \.bundle"):
        write_bundle(made, signing_key, tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == [tmp_path / "artifact"]
