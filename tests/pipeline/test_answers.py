"""Answers that were kept are those that a runtime gives, and are kept apart by model, runtime and pictures."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from edge.runtimes import open_runtime
from pipeline.answers import Answers
from pipeline.data.dataset import Samples, Split, load_dataset
from pipeline.data.source import silent


@pytest.fixture
def samples(finished_run: Path) -> Samples:
    return load_dataset(finished_run / "data").part(Split.BLIND_TEST)


@pytest.fixture
def model(finished_run: Path) -> Path:
    return finished_run / "export" / "cpu" / "model.tflite"


def test_answers_are_those_of_the_runtime_and_outlive_the_process(
    model: Path, samples: Samples, tmp_path: Path
) -> None:
    expected = open_runtime("litert", model).run(samples.all())
    first = Answers(tmp_path).of("litert", model, "NHWC", samples, silent)
    copy = Path(shutil.copy(model, tmp_path / "copy.tflite"))
    calls: list[str] = []
    again = Answers(tmp_path).of("litert", copy, "NHWC", samples, lambda words, *_: calls.append(words))
    np.testing.assert_array_equal(first, expected)
    np.testing.assert_array_equal(again, expected)
    assert not calls  # read, not run


def test_answers_kept_by_a_proof_are_not_run_again(model: Path, samples: Samples, tmp_path: Path) -> None:
    planted = np.arange(len(samples) * 10, dtype=np.float32).reshape(-1, 10)
    Answers(tmp_path).keep("litert", model, samples, planted)
    np.testing.assert_array_equal(Answers(tmp_path).of("litert", model, "NHWC", samples, silent), planted)


def test_answers_of_other_pictures_or_another_runtime_are_run_anew(
    model: Path, samples: Samples, tmp_path: Path
) -> None:
    answers = Answers(tmp_path)
    answers.keep("litert", model, samples, np.zeros((len(samples), 10), np.float32))
    dark = Samples(images=samples.images // 2, labels=samples.labels, index=samples.index, names=samples.names)
    assert answers.of("litert", model, "NHWC", dark, silent).any()
    assert answers.of("litert-reference", model, "NHWC", samples, silent).any()


def test_answers_of_openvino_with_other_weights_in_the_same_xml_are_run_anew(
    finished_run: Path, samples: Samples, tmp_path: Path
) -> None:
    folder = shutil.copytree(finished_run / "export" / "openvino", tmp_path / "openvino")
    answers = Answers(tmp_path / "answers")
    planted = np.zeros((len(samples), 10), np.float32)
    answers.keep("openvino", folder / "model.xml", samples, planted)
    with (folder / "model.bin").open("ab") as weights:
        weights.write(b"\0")
    assert answers.of("openvino", folder / "model.xml", "NCHW", samples, silent).any()


def test_answers_cut_short_on_disk_are_run_anew(model: Path, samples: Samples, tmp_path: Path) -> None:
    first = Answers(tmp_path).of("litert", model, "NHWC", samples, silent)
    (place,) = tmp_path.glob("*.npy")
    place.write_bytes(place.read_bytes()[:100])
    np.testing.assert_array_equal(Answers(tmp_path).of("litert", model, "NHWC", samples, silent), first)


def test_answers_of_models_that_are_gone_are_cleared(model: Path, samples: Samples, tmp_path: Path) -> None:
    other = tmp_path / "other.tflite"
    other.write_bytes(model.read_bytes() + b"\0")
    answers = Answers(tmp_path / "answers")
    logits = np.zeros((len(samples), 10), np.float32)
    answers.keep("litert", model, samples, logits)
    answers.keep("litert", other, samples, logits)
    assert len(list((tmp_path / "answers").iterdir())) == 2
    answers.forget_others([model])
    (left,) = (tmp_path / "answers").iterdir()
    Answers(tmp_path / "answers").keep("litert", model, samples, logits)
    assert [left] == list((tmp_path / "answers").iterdir())
