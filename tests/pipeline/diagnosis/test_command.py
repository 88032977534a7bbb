"""edgewise diagnose, as people run it."""

import json
import shutil
from pathlib import Path


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
