"""The section on a finished run: every figure recomputed by another way."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from pipeline.report.drawing import page_style
from pipeline.report.inspection import Inspection
from pipeline.report.sensitivity import Facts, draw, measure
from pipeline.report.sensitivity.drawings import label_levels


@pytest.fixture(scope="module")
def facts(inspection: Inspection) -> Facts:
    return measure(inspection)


def _right(file: Path, inspection: Inspection) -> np.ndarray:
    """In TensorFlow Lite's interpreter directly."""
    interpreter = Interpreter(model_path=str(file))
    interpreter.allocate_tensors()
    answers = []
    for picture in inspection.validation.all():
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture[np.newaxis])
        interpreter.invoke()
        answers.append(int(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0].argmax()))
    return np.array(answers) == inspection.validation.labels


def test_every_form_is_there_with_its_size_and_its_loss(facts: Facts, inspection: Inspection) -> None:
    forms = {form.name: form for form in facts.forms}
    assert {"int8-qat", "int8-ptq", "int16x8", "float16", "float32", "int8, 1 layer float"} <= set(forms)
    before = inspection.float_logits.validation.argmax(1) == inspection.validation.labels
    assert facts.samples == len(before)  # few enough to take all
    for name in ("int8-qat", "float16"):
        (file,) = inspection.run.glob(
            f"quantize/{name}.tflite" if name == "int8-qat" else f"forms/{name}-*/model.tflite"
        )
        assert forms[name].bytes == file.stat().st_size
        assert forms[name].drop == pytest.approx(before.mean() - _right(file, inspection).mean(), abs=1e-9)
        low, high = forms[name].drop_interval
        assert low <= forms[name].drop <= high


def test_what_was_shipped_stands_beside_its_form(facts: Facts, inspection: Inspection) -> None:
    for artefact in inspection.artefacts:
        assert any(artefact.target in form.shipped_as for form in facts.forms if form.precision == artefact.precision)
    assert {each.target for each in facts.shipped} == {artefact.target for artefact in inspection.artefacts}
    assert {(rung.target, rung.precision) for rung in facts.rungs if rung.accepted} == {
        (artefact.target, artefact.precision) for artefact in inspection.artefacts
    }


def test_the_verdict_names_the_whole_front(facts: Facts) -> None:
    assert all(form.name in facts.verdict for form in facts.forms if form.front)


def test_drawings_tell_every_form_in_words(facts: Facts) -> None:
    with page_style():
        drawings = draw(facts)
    assert set(drawings) == {"ranking", "path", "front"}
    assert all(form.name in drawings["front"].words for form in facts.forms)


def test_numbers_of_near_points_stand_on_different_lines() -> None:
    assert label_levels([1.0, 1.01, 1.02, 50.0], [0.0, 0.0, 0.0, 0.0]) == [0, 1, 2, 0]
    assert label_levels([1.0, 1.01], [0.0, 5.0]) == [0, 0]


def test_a_path_without_int8_ptq_is_drawn_from_its_first_float_layer(facts: Facts) -> None:
    forms = tuple(form for form in facts.forms if form.name != "int8-ptq")
    with page_style():
        words = draw(replace(facts, forms=forms))["path"].words
    first = min(form.layers_float for form in forms if form.layers_float is not None)
    assert first == 1
    assert "validation pictures. 1 float: loses" in words
