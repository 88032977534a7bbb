"""edgewise diagnose, as people run it."""

import io
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from edge.device.manifest import hash_outputs, read_manifest, write_manifest
from pipeline.diagnosis.artefact import another_training


def test_diagnose_prints_layers_runtimes_and_advice(edgewise, finished_run: Path) -> None:
    done = edgewise("diagnose", finished_run / "export" / "cpu", "--against", finished_run / "train", "--samples", 20)
    assert done.returncode == 0, done.stderr
    assert "20 pictures" in done.stdout
    assert "4 convolution conv2d_3" in done.stdout
    assert "cpu/model.fast.onnx in openvino" in done.stdout
    assert "Training aware of int8" in done.stdout


def test_diagnose_json_holds_every_layer_of_an_onnx_artefact(edgewise, finished_run: Path) -> None:
    folder = finished_run / "export" / "jetson"
    done = edgewise("diagnose", folder, "--against", finished_run / "train", "--samples", 10, "--json")
    assert done.returncode == 0, done.stderr
    diagnosis = json.loads(done.stdout)
    assert [layer["number"] for layer in diagnosis["layers"]] == list(range(7))
    assert diagnosis["samples"] == 10
    assert diagnosis["layers"][0]["sqnr"] == 120.0


def test_what_is_no_artefact_or_train_folder_is_said_in_one_message(
    edgewise, finished_run: Path, tmp_path: Path
) -> None:
    train = finished_run / "train"
    opaque = tmp_path / "openvino"
    shutil.copytree(finished_run / "export" / "cpu", opaque)
    contract = json.loads((opaque / "contract.json").read_text())
    contract["files"] = [{"file": "model.xml", "sha256": "", "runtimes": ["openvino"]}]
    contract["fastest"] = "openvino"
    (opaque / "contract.json").write_text(json.dumps(contract))
    cases = {
        "not an artefact": (finished_run, train),
        "no model.keras there": (finished_run / "export" / "cpu", tmp_path),
        "only TFLite and ONNX files": (opaque, train),
    }
    for words, (artefact, against) in cases.items():
        done = edgewise("diagnose", artefact, "--against", against)
        assert done.returncode == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_an_artefact_of_other_pictures_is_refused(edgewise, finished_run: Path, tmp_path: Path) -> None:
    other = tmp_path / "cpu"
    shutil.copytree(finished_run / "export" / "cpu", other)
    contract = json.loads((other / "contract.json").read_text())
    contract["input"]["shape"] = [1, 16, 16, 1]
    (other / "contract.json").write_text(json.dumps(contract))
    done = edgewise("diagnose", other, "--against", finished_run / "train")
    assert done.returncode == 2
    assert "takes pictures of 16x16x1" in done.stderr


def _shuffle_kernels(model: Path) -> None:
    """Put the numbers of every kernel of a .keras file into another order."""
    with zipfile.ZipFile(model) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    weights = io.BytesIO(parts["model.weights.h5"])
    generator = np.random.default_rng(0)

    def shuffle(_: str, kernel: object) -> None:
        if isinstance(kernel, h5py.Dataset) and kernel.ndim >= 2:
            kernel[...] = generator.permutation(kernel[...].ravel()).reshape(kernel.shape)

    with h5py.File(weights, "r+") as opened:
        opened.visititems(shuffle)
    parts["model.weights.h5"] = weights.getvalue()
    with zipfile.ZipFile(model, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)


def test_an_artefact_beside_another_training_is_called_so_and_not_good(
    edgewise, finished_run: Path, tmp_path: Path
) -> None:
    other = tmp_path / "train"
    shutil.copytree(finished_run / "train", other)
    _shuffle_kernels(other / "model.keras")
    write_manifest(other, replace(read_manifest(other), outputs=hash_outputs(other)))
    (tmp_path / "data").symlink_to(finished_run / "data")
    artefact = finished_run / "export" / "cpu"
    done = edgewise("diagnose", artefact, "--against", other, "--samples", 10, "--json")
    assert done.returncode == 0, done.stderr
    advice = json.loads(done.stdout)["advice"]
    assert [(each["rule"], each["kind"]) for each in advice[:2]] == [
        ("another training", "bad"),
        ("another network", "bad"),
    ]
    assert f"was not exported from {other}" in advice[0]["words"]
    assert not any(each["kind"] == "good" or (each["kind"] == "bad" and each["layers"]) for each in advice)
    assert another_training(artefact, finished_run / "train") is None
