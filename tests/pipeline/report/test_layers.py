"""The section on layers: its facts survive results.json, its drawings tell what they show."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter

from pipeline.report import layers
from pipeline.report.drawing import page_style
from pipeline.report.inspection import Inspection


@pytest.fixture(scope="module")
def facts(inspection: Inspection) -> layers.Facts:
    return layers.measure(inspection)


def test_every_distinct_model_is_looked_into_or_said_not_to_be(inspection: Inspection, facts: layers.Facts) -> None:
    names = {each.subjects[0].name for each in inspection.models}
    assert names == {each.name for each in facts.models} | {words.split(":")[0] for words in facts.left_out}
    assert facts.samples == min(100, len(inspection.validation))


def test_runtimes_of_one_file_are_compared_across_artefacts(facts: layers.Facts) -> None:
    model = next(each for each in facts.models if each.name.endswith("model.tflite in litert-reference"))
    compared = {each.name.split("/")[1] for each in model.divergences}
    assert {"model.tflite in litert", "model.fast.onnx in onnxruntime", "model.onnx in onnxruntime"} <= compared


def test_facts_are_the_same_after_results_json(facts: layers.Facts) -> None:
    adapter = TypeAdapter(layers.Facts)
    assert adapter.validate_json(adapter.dump_json(facts)) == facts


def test_drawings_tell_first_last_and_worst_layer(facts: layers.Facts) -> None:
    with page_style():
        drawings = layers.draw(facts)
    assert set(drawings) == {model.name for model in facts.models}
    for model in facts.models:
        words = drawings[model.name].words
        own = {layer.label: layer.own_sqnr for layer in model.layers if layer.number and layer.own_sqnr is not None}
        assert f"{model.layers[-1].sqnr:.0f} dB after the last" in words
        assert min(own, key=own.__getitem__) in words


def test_what_lies_beyond_the_drawing_is_said_in_it(facts: layers.Facts) -> None:
    model = facts.models[0]
    assert max(layer.sqnr for layer in model.layers[1:]) < 90
    first, second, *others = model.layers[1:]
    beyond = (model.layers[0], replace(first, sqnr=120.0), replace(second, own_sqnr=-30.0), *others)
    with page_style():
        within, drawn = (
            layers.draw(replace(facts, models=(each,)))[model.name] for each in (model, replace(model, layers=beyond))
        )
    for words in ("above 90 dB is drawn at 90", "below -10 dB is drawn at -10"):
        assert words in drawn.words
        assert words in drawn.svg
        assert words not in within.words + within.svg


def test_the_input_arrives_exactly_and_noise_grows_from_there(facts: layers.Facts) -> None:
    for model in facts.models:
        assert model.layers[0].sqnr == 120.0
        assert all(np.isfinite(layer.sqnr) for layer in model.layers)
        assert model.layers[-1].sqnr < model.layers[0].sqnr


def test_a_model_without_a_like_in_float_is_drawn_without_a_curve(facts: layers.Facts) -> None:
    bare = replace(facts, models=tuple(replace(model, layers=model.layers[:1]) for model in facts.models))
    with page_style():
        assert layers.draw(bare) == {}
