"""edgewise package, as people run it: what it makes, when it makes it again, and what it refuses."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from edge.device.manifest import hash_outputs, read_manifest, verify_outputs

Edgewise = Callable[..., subprocess.CompletedProcess[str]]


def _refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    assert "Traceback" not in said
    assert said.count("error ") == 1
    for word in words:
        assert word in " ".join(said.split())


def test_package_holds_the_server_and_the_artefact_alone(packaged: Path, finished_run: Path) -> None:
    verify_outputs(packaged, read_manifest(packaged))
    assert hash_outputs(packaged / "artifact") == hash_outputs(finished_run / "export" / "cpu")
    assert {path.name for path in packaged.iterdir()} == {
        "Containerfile", "LICENSE", "README.md", "artifact", "bentofile.yaml", "edge", "edgewise-digits.service",
        "jetson.Containerfile", "kserve", "kubernetes", "manifest.json", "requirements.txt", "service.py", "serving",
    }  # fmt: skip
    assert {path.name for path in (packaged / "edge").iterdir()} == {"__init__.py", "device"}
    assert not (packaged / "serving" / "package").exists()
    assert not list(packaged.rglob("__pycache__"))


def test_package_has_no_mark_left_open(packaged: Path) -> None:
    for file in packaged.rglob("*"):
        if file.is_file() and file.suffix not in (".npz", ".onnx", ".tflite"):
            assert "@{" not in file.read_text(encoding="utf-8"), file


def test_package_is_up_to_date_the_second_time(edgewise: Edgewise, packaged: Path, finished_run: Path) -> None:
    before = (packaged / "manifest.json").stat().st_mtime_ns
    done = edgewise("package", finished_run, "--output", packaged)
    assert done.returncode == 0, done.stderr
    assert "up to date" in done.stdout + done.stderr
    assert (packaged / "manifest.json").stat().st_mtime_ns == before


def test_package_is_replaced_where_it_is_to_be_another(
    edgewise: Edgewise, own_package: Path, finished_run: Path
) -> None:
    (own_package / "serving" / "__pycache__").mkdir()
    (own_package / "serving" / "__pycache__" / "app.cpython-311.pyc").write_bytes(b"left by a server that was started")
    done = edgewise("package", finished_run, "--output", own_package, "--runtime", "onnx", "--name", "numbers")
    assert done.returncode == 0, done.stderr
    verify_outputs(own_package, read_manifest(own_package))
    assert (own_package / "edgewise-numbers.service").is_file()
    assert not (own_package / "edgewise-digits.service").exists()
    assert "onnxruntime==" in (own_package / "requirements.txt").read_text()
    assert [path.name for path in own_package.parent.iterdir()] == ["package"]


def test_package_is_whole_again_where_a_file_was_lost(
    edgewise: Edgewise, own_package: Path, finished_run: Path
) -> None:
    (own_package / "Containerfile").unlink()
    assert edgewise("package", finished_run, "--output", own_package).returncode == 0
    verify_outputs(own_package, read_manifest(own_package))


def test_package_is_not_replaced_where_a_file_was_changed(
    edgewise: Edgewise, own_package: Path, finished_run: Path
) -> None:
    file = own_package / "kubernetes" / "autoscaler.yaml"
    file.write_text(file.read_text().replace("maxReplicas: 10", "maxReplicas: 40"))
    _refused(edgewise("package", finished_run, "--output", own_package), "autoscaler.yaml", "keep it elsewhere")
    assert "maxReplicas: 40" in file.read_text()


def test_package_is_refused_where_the_folder_holds_something_else(
    edgewise: Edgewise, finished_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    _refused(edgewise("package", finished_run, "--output", tmp_path), "holds something that is no package", "--output")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_package_is_refused_within_the_artefact(edgewise: Edgewise, finished_run: Path) -> None:
    artifact = finished_run / "export" / "cpu"
    _refused(edgewise("package", finished_run, "--output", artifact / "package"), "within the artefact")
    verify_outputs(artifact, read_manifest(artifact))


def test_package_is_refused_in_the_place_of_a_stage(edgewise: Edgewise, finished_run: Path) -> None:
    _refused(edgewise("package", finished_run, "--output", finished_run / "train"), "holds the output of 'train'")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--name", "My_Model"), ("DNS label", "--name my-model")),
        (("--image", "Registry/UPPER"), ("expected NAME:TAG",)),
        (("--image", "digits"), ("expected NAME:TAG",)),
    ],
)
def test_package_is_refused_with_bad_names(
    edgewise: Edgewise, finished_run: Path, tmp_path: Path, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    _refused(edgewise("package", finished_run, "--output", tmp_path / "package", *options), *words)
    assert not any(tmp_path.iterdir())


def test_package_is_refused_without_an_artefact(edgewise: Edgewise, tmp_path: Path) -> None:
    _refused(edgewise("package", tmp_path, "--output", tmp_path / "package"), "no contract.json there")
    assert not any(tmp_path.iterdir())


def test_package_is_refused_with_a_changed_artefact(edgewise: Edgewise, finished_run: Path, tmp_path: Path) -> None:
    artifact = shutil.copytree(finished_run / "export" / "cpu", tmp_path / "artifact")
    model = artifact / "model.tflite"
    model.write_bytes(model.read_bytes()[:-1] + b"?")
    _refused(edgewise("package", artifact, "--output", tmp_path / "package"), "model.tflite", "the manifest says")
    assert [path.name for path in tmp_path.iterdir()] == ["artifact"]


def test_package_is_refused_where_no_runtime_can_serve(edgewise: Edgewise, finished_run: Path, tmp_path: Path) -> None:
    done = edgewise("package", finished_run / "export" / "mcu", "--output", tmp_path / "package")
    _refused(done, "litert-reference, tflite-micro, none of which can serve")
    assert not any(tmp_path.iterdir())


def test_package_is_refused_in_a_runtime_that_was_not_proven(
    edgewise: Edgewise, finished_run: Path, tmp_path: Path
) -> None:
    coral = finished_run / "export" / "coral"
    done = edgewise("package", coral, "--output", tmp_path / "package", "--runtime", "onnx")
    _refused(done, "proven in litert")
    assert not any(tmp_path.iterdir())


def test_package_killed_half_way_leaves_the_old_one_and_no_server(
    edgewise: Edgewise, own_package: Path, finished_run: Path
) -> None:
    before = hash_outputs(own_package)
    command = [Path(sys.executable).parent / "edgewise", "package", finished_run, "--output", own_package]
    process = subprocess.Popen([*map(str, command), "--runtime", "onnx"], stderr=subprocess.PIPE)
    staged = own_package.with_name(".package.new")
    child = _wait_for_server(process, staged)
    process.kill()
    process.communicate()
    assert hash_outputs(own_package) == before
    child.wait(10)
    assert edgewise("package", finished_run, "--output", own_package, "--runtime", "onnx").returncode == 0
    assert [path.name for path in own_package.parent.iterdir()] == ["package"]


def _wait_for_server(parent: "subprocess.Popen[bytes]", folder: Path) -> psutil.Process:
    """The server that `parent` tries out in `folder`, once it runs."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for child in psutil.Process(parent.pid).children():
            if child.cwd() == str(folder):
                return child
        time.sleep(0.02)
    pytest.fail("no server was tried out")
