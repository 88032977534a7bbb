"""Faults planted into a finished run, under manifests that hold: the report names each one."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.data.dataset import Split, load_dataset
from pipeline.report.agreement import measure as measure_agreement
from pipeline.report.inspection import Inspection
from pipeline.report.integrity import Facts, measure
from pipeline.report.integrity.contracts import check_quantization
from pipeline.report.integrity.files import check_hashes

EditedContract = Callable[..., Callable[[Path], None]]


@pytest.fixture(scope="module")
def clean(inspection: Inspection) -> Facts:
    return measure(inspection)


def words_of(facts: Facts) -> dict[str, str]:
    """Of the failed checks, by name."""
    return {check.name: check.words for check in facts.failed}


def test_integrity_of_a_clean_run_has_no_failed_check(clean: Facts) -> None:
    assert clean.failed == ()
    assert sum(check.passed is True for check in clean.checks) == len(clean.checks) - 1
    assert clean.similar is None  # 8 x 8 pixels are too small


def test_integrity_names_two_labels_that_are_swapped_in_a_contract(
    planted: Any, edited_contract: EditedContract
) -> None:
    def swap(body: Any) -> None:
        labels = body["output"]["labels"]
        labels[3], labels[8] = labels[8], labels[3]

    with planted(edited_contract(swap)) as inspection:
        failed = words_of(measure(inspection))
        agreement = measure_agreement(inspection)
        answered = inspection.logits(inspection.artefacts[0].quickest).argmax(1)
    assert "cpu: labels '3' and '8' are swapped" in failed["Labels of the contracts"]
    assert "pictures of '3' are called '8'" in failed["Labels of the answers"]
    assert set(failed) == {"Labels of the contracts", "Labels of the answers"}
    assert agreement.endpoint.flips == np.isin(answered, (3, 8)).sum()
    assert agreement.endpoint.difference > 0.5


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (tuple("012346789"), "cpu: 9 labels, the data set has 10 classes"),
        (tuple("0123456789A"), "cpu: 11 labels, the data set has 10 classes"),
    ],
)
def test_integrity_names_a_label_too_few_or_too_many_in_a_contract(
    planted: Any, edited_contract: EditedContract, labels: tuple[str, ...], words: str
) -> None:
    with planted(edited_contract(lambda body: body["output"].update(labels=labels))) as inspection:
        failed = words_of(measure(inspection))
        agreement = measure_agreement(inspection)
    assert words in failed["Labels of the contracts"]
    assert agreement.endpoint.failure or agreement.endpoint.flips or agreement.endpoint.unknown


def test_integrity_names_a_resize_rule_that_changed_in_a_contract(
    planted: Any, edited_contract: EditedContract
) -> None:
    with planted(edited_contract(lambda body: body["input"].update(resize="crop"))) as inspection:
        failed = words_of(measure(inspection))
    assert "cpu: its resize rule is 'crop', the data were prepared with 'stretch'" in failed["Preparation of pictures"]
    assert "its answers are those of 'crop'" in failed["Preparation by the live endpoint"]
    assert len(failed) == 2


def test_integrity_says_which_files_scales_were_compared_with(inspection: Inspection) -> None:
    check = check_quantization(inspection)
    assert "cpu/model.tflite" in check.words
    assert "onnx" not in check.words
    others = tuple(each for each in inspection.artefacts if each.target in ("jetson", "openvino"))
    check = check_quantization(replace(inspection, artefacts=others))
    assert check.passed is None
    assert "No model file was compared" in check.words


def test_integrity_names_training_pictures_in_the_blind_test(planted: Any) -> None:
    leaked: list[tuple[str, str]] = []

    def leak(run: Path) -> None:
        dataset = load_dataset(run / "data")
        images, labels = np.array(dataset.images), dataset.labels.copy()
        training = np.flatnonzero(dataset.split == Split.TRAINING)[::7][:50]
        blind = np.flatnonzero(dataset.split == Split.BLIND_TEST)[:50]
        images[blind], labels[blind] = images[training], labels[training]
        np.save(run / "data" / "images.npy", images)
        np.save(run / "data" / "labels.npy", labels)
        leaked.extend((dataset.names[a], dataset.names[b]) for a, b in zip(blind, training, strict=True))

    with planted(leak) as inspection:
        facts = measure(inspection)
    words = words_of(facts)["Blind test apart from training"]
    assert facts.identical == 50
    assert "50 of 179:" in words
    assert [(copy.picture, copy.original) for copy in facts.copies] == leaked[:10]
    assert all(f"{picture} = {original} (training)" in words for picture, original in leaked[:10])
    assert "and 40 more" in words


def test_integrity_names_two_classes_whose_pictures_were_exchanged(planted: Any) -> None:
    def exchange(run: Path) -> None:
        dataset = load_dataset(run / "data")
        labels, blind = dataset.labels.copy(), dataset.split == Split.BLIND_TEST
        labels[blind & (dataset.labels == 1)], labels[blind & (dataset.labels == 7)] = 7, 1
        np.save(run / "data" / "labels.npy", labels)

    with planted(exchange) as inspection:
        failed = words_of(measure(inspection))
    words = failed["Labels of the answers"]
    assert re.search(r"float Keras: 1\d of 18 pictures of '1' are called '7', \d by their name", words)
    assert re.search(r"cpu: 1\d of 18 pictures of '7' are called '1'", words)
    assert "lower than chance explains" in failed["Validation and blind test alike"]


def test_integrity_names_the_scale_that_a_contract_has_wrong(planted: Any, edited_contract: EditedContract) -> None:
    def halve(body: Any) -> None:
        body["output"]["scale"] /= 2

    with planted(edited_contract(halve)) as inspection:
        (check,) = measure(inspection).failed
    assert check.name == "Scale and zero point"
    assert "cpu: output of scale" in check.words


def test_integrity_names_golden_vectors_that_do_not_hold(planted: Any) -> None:
    def damage(run: Path) -> None:
        path = run / "export" / "cpu" / "golden.npz"
        with np.load(path) as arrays:
            kept = dict(arrays)
        kept["outputs"][5] += 1
        np.savez_compressed(path, **kept)

    with planted(damage) as inspection:
        failed = words_of(measure(inspection))
        agreement = measure_agreement(inspection)
    assert "cpu/model.tflite in litert: golden vector 5 differs by" in failed["Golden vectors"]
    assert "the server does not start" in failed["Preparation by the live endpoint"]
    assert "golden vector 5" in agreement.endpoint.failure


def test_integrity_names_a_model_file_that_is_not_the_contracts(planted: Any) -> None:
    def replace_model(run: Path) -> None:
        path = run / "export" / "jetson" / "model.onnx"
        path.write_bytes((run / "export" / "cpu" / "model.onnx").read_bytes())

    with planted(replace_model) as inspection:
        check = check_hashes(inspection)
    assert check.passed is False
    assert check.named == ("jetson/model.onnx: its SHA-256 is not that of its contract",)
