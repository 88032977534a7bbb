"""Inputs of model files, against what the file itself says of its first tensor."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.bench.prepared import prepare
from pipeline.bench.subject import Subject, open_subject


@pytest.fixture
def subject(finished_run: Path) -> Subject:
    return open_subject(finished_run)


def test_bytes_of_our_own_file_come_through_unchanged(subject: Subject) -> None:
    pictures = subject.blind.pick(np.arange(8))
    file = subject.run / "export" / "cpu" / "model.tflite"
    ready = prepare(file, subject, pictures)
    assert ready.dtype == np.uint8
    assert np.array_equal(ready, pictures)


def test_real_numbers_are_those_that_the_interpreter_makes_of_the_bytes(subject: Subject) -> None:
    from ai_edge_litert.interpreter import Interpreter

    pictures = subject.blind.pick(np.arange(8))
    interpreter = Interpreter(str(subject.run / "export" / "cpu" / "model.tflite"))
    scale, zero_point = interpreter.get_input_details()[0]["quantization"]
    expected = scale * (pictures.astype(np.float64) - zero_point)
    assert prepare(Path("float.keras"), subject, pictures) == pytest.approx(expected, abs=1e-6)
    assert prepare(Path("float.onnx"), subject, pictures) == pytest.approx(expected.transpose(0, 3, 1, 2), abs=1e-6)
