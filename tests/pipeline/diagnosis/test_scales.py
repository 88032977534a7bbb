"""A file whose scales contradict each other, against arithmetic on the planted factor."""

import shutil
from pathlib import Path

import pytest

from edge.tflite import read_graph
from pipeline.diagnosis.scales import contradictions
from pipeline.diagnosis.tflite_layers import tflite_layers


def test_an_untouched_file_contradicts_nothing(material) -> None:
    file = material.folder / "model.tflite"
    assert contradictions(file, tflite_layers(read_graph(file))) == ()


@pytest.mark.parametrize(("number", "part", "witness"), [(2, "answer", 3), (2, "weights", 2), (5, "answer", 6)])
def test_a_halved_scale_is_contradicted_by_the_bias_that_it_feeds(
    material, halve, tmp_path: Path, number: int, part: str, witness: int
) -> None:
    file = tmp_path / "model.tflite"
    shutil.copyfile(material.folder / "model.tflite", file)
    halve(file, number, part)
    (found,) = contradictions(file, tflite_layers(read_graph(file)))
    assert found.layer == witness
    assert found.factor == pytest.approx(2, rel=1e-5)
