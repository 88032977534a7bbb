"""Two artefacts side by side, each in its own runtime."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.device.contract import read_contract
from edge.device.errors import BadArtifact
from edge.device.runtimes import open_runtime
from pipeline.compare import compare_artefacts
from pipeline.data.dataset import Split, load_dataset
from pipeline.data.source import silent


def test_artefacts_of_a_run_answer_its_blind_test(finished_run: Path) -> None:
    folders = [finished_run / "export" / target for target in ("cpu", "jetson")]
    found = compare_artefacts(*folders, None, "onnxruntime", silent)
    (match,) = found.matches
    blind = load_dataset(finished_run / "data").part(Split.BLIND_TEST)
    right, labels = [], []
    for folder in folders:
        contract = read_contract(folder)
        file = folder / contract.file_for("onnxruntime")
        labels.append(open_runtime("onnxruntime", file, layout=contract.input.layout).run(blind.all()).argmax(1))
        right.append(labels[-1] == blind.labels)
    assert match.pairing is not None
    assert (match.first.top1, match.second.top1) == pytest.approx((np.mean(right[0]), np.mean(right[1])))
    assert match.pairing.only_first == np.sum(right[0] > right[1])
    assert match.pairing.agreement == pytest.approx(np.mean(labels[0] == labels[1]))
    assert match.first.latency_ms is not None and match.first.latency_ms > 0
    assert match.second.bytes == (folders[1] / "model.onnx").stat().st_size
    assert "blind test" in found.notes[0]


def test_labels_in_another_order_are_compared_by_name(
    finished_run: Path, relabelled: Callable[[dict[str, str]], Path], photographs: Path
) -> None:
    swapped = relabelled({"3": "8", "8": "3"})
    (match,) = compare_artefacts(finished_run / "export" / "cpu", swapped, photographs, "litert", silent).matches
    assert match.pairing is not None
    assert match.pairing.flipped > 0
    assert {(each.first, each.second) for each in match.pairing.flips} == {("3", "8"), ("8", "3")}
    assert match.pairing.only_first == sum(each.truth == each.first for each in match.pairing.flips)
    assert match.verdict == "A is better"


def test_run_folder_is_left_as_it_was(twin: Path) -> None:
    # An archived run cannot be written, and another's may be at work.
    shutil.rmtree(twin / "answers")
    before = {path: path.stat().st_mtime_ns for path in twin.rglob("*")}
    compare_artefacts(twin / "export" / "cpu", twin / "export" / "coral", None, "litert", silent)
    assert {path: path.stat().st_mtime_ns for path in twin.rglob("*")} == before


def test_artefacts_of_runs_with_other_blind_tests_are_compared_unpaired(
    finished_run: Path, other_pictures: Path
) -> None:
    found = compare_artefacts(
        finished_run / "export" / "coral", other_pictures / "export" / "coral", None, "litert", silent
    )
    assert found.matches[0].pairing is None
    assert "--data FOLDER" in found.notes[0]


def test_artefact_is_not_judged_on_data_made_anew_since(finished_run: Path, new_data: Path) -> None:
    folders = [run / "export" / "coral" for run in (finished_run, new_data)]
    with pytest.raises(BadArtifact, match=r"data: made anew since .*coral was, which may have been trained"):
        compare_artefacts(*folders, None, "litert", silent)


def test_artefacts_of_different_labels_are_refused(
    finished_run: Path, relabelled: Callable[[dict[str, str]], Path]
) -> None:
    with pytest.raises(BadArtifact, match=r"different labels \(0, zero"):
        compare_artefacts(finished_run / "export" / "cpu", relabelled({"0": "zero"}), None, None, silent)


def test_artefact_that_stands_in_no_run_needs_data(twin: Path, tmp_path: Path) -> None:
    alone = (twin / "export" / "coral").rename(tmp_path / "coral")
    with pytest.raises(BadArtifact, match="give --data FOLDER"):
        compare_artefacts(alone, alone, None, None, silent)


def test_changed_model_is_refused(finished_run: Path, twin: Path) -> None:
    with (twin / "export" / "cpu" / "model.tflite").open("ab") as file:
        file.write(b"x")
    with pytest.raises(BadArtifact, match=r"model\.tflite: SHA-256"):
        compare_artefacts(finished_run / "export" / "cpu", twin / "export" / "cpu", None, None, silent)
