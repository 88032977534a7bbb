"""Selective precision on a network with one layer that int8 cannot hold."""

import numpy as np
import pytest
import tf_keras as keras

from edge.device.errors import BadData, ConversionFailed
from edge.device.runtimes import open_runtime
from edge.tflite import parse_graph
from pipeline.quantization.calibration import spanning
from pipeline.quantization.convert import to_tflite
from pipeline.quantization.selective import LayerError, fewest_float_layers, rank_layers, selective_int8

SHAPE = (12, 12, 3)
SETTINGS = {"input_scale": 1 / 128, "input_zero_point": 128}


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return spanning(np.random.default_rng(0).integers(0, 256, (48, *SHAPE), np.uint8))


@pytest.fixture(scope="module")
def core() -> keras.Model:
    """Three convolutions; int8 cannot hold the weights of the second."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(SHAPE)
    x = keras.layers.Conv2D(8, 3, activation="relu", name="first")(inputs)
    # Two large terms cancel but for what weights of less than a step of int8 make different.
    x = keras.layers.Concatenate(name="twice")([x, x])
    x = keras.layers.Conv2D(8, 3, name="damaged")(x)
    x = keras.layers.Conv2D(8, 3, activation="relu", name="third")(x)
    core = keras.Model(inputs, keras.layers.Dense(5, name="logits")(keras.layers.GlobalAveragePooling2D()(x)))
    kernel, bias = core.get_layer("damaged").get_weights()
    large = np.random.default_rng(1).normal(0, 3, kernel[:, :, :8].shape)
    core.get_layer("damaged").set_weights([np.concatenate([large, kernel[:, :, 8:] - large], axis=2), bias])
    return core


@pytest.fixture(scope="module")
def ranked(core, pictures) -> tuple[LayerError, ...]:
    return rank_layers(core, calibration=pictures, **SETTINGS)


def _error(content, core, pictures, folder) -> float:
    (folder / "model.tflite").write_bytes(content)
    expected = core((pictures - np.float32(128)) / np.float32(128), training=False).numpy()
    found = open_runtime("litert-reference", folder / "model.tflite").run(pictures)
    return float(np.sqrt(np.mean((found - expected) ** 2)) / np.std(expected))


def test_the_layer_that_int8_cannot_hold_is_ranked_first(ranked):
    assert "damaged" in ranked[0].name
    assert ranked[0].operator == "CONV_2D"
    assert ranked[0].error > 3 * ranked[1].error
    (first,) = (layer for layer in ranked if "first" in layer.name)
    assert first.error == pytest.approx(12**-0.5, rel=0.2)  # rounding alone


def test_leaving_the_worst_layer_float_brings_the_answers_back(core, pictures, ranked, tmp_path):
    worst = ranked[0].name
    mixed = selective_int8(core, calibration=pictures, left_float=(worst,), **SETTINGS)
    whole = to_tflite(core, "int8-ptq", calibration=pictures, **SETTINGS)
    assert _error(mixed, core, pictures, tmp_path) < 0.2 * _error(whole, core, pictures, tmp_path)
    graph = parse_graph(mixed, "mixed")
    floats = [each.name for each in graph.operators if graph.tensors[each.inputs[0]].dtype == "FLOAT32"]
    assert floats.count("CONV_2D") == 1
    assert (graph.input.dtype, graph.input.scales, graph.output.dtype) == ("UINT8", (1 / 128,), "FLOAT32")


def test_a_first_layer_left_float_still_takes_bytes(core, pictures, ranked, tmp_path):
    names = tuple(layer.name for layer in ranked if "first" in layer.name or "damaged" in layer.name)
    mixed = selective_int8(core, calibration=pictures, left_float=names, **SETTINGS)
    graph = parse_graph(mixed, "mixed")
    assert (graph.input.dtype, graph.operators[0].name) == ("UINT8", "DEQUANTIZE")
    assert _error(mixed, core, pictures, tmp_path) < 0.1


def test_a_layer_that_the_network_does_not_have_is_refused(core, pictures):
    with pytest.raises(ConversionFailed, match="no layer called nowhere"):
        selective_int8(core, calibration=pictures, left_float=("nowhere",), **SETTINGS)


def test_ranking_without_calibration_pictures_is_refused(core):
    with pytest.raises(BadData, match="int8-selective needs"):
        rank_layers(core, calibration=None, **SETTINGS)


LAYERS = tuple(LayerError(name=f"layer-{index}", operator="CONV_2D", error=10.0 - index) for index in range(10))


def test_search_stops_at_the_first_count_that_holds():
    losses = {b"1": 0.08, b"2": 0.03, b"4": 0.009}
    found = fewest_float_layers(LAYERS, lambda names: str(len(names)).encode(), losses.__getitem__, 0.01)
    assert (found.content, found.drop) == (b"4", 0.009)
    assert found.left_float == ("layer-0", "layer-1", "layer-2", "layer-3")


def test_search_goes_to_half_of_the_layers_and_says_what_each_count_lost():
    tried = []
    with pytest.raises(ConversionFailed, match=r"of 10 layers.*5\.00 points with 1,.*5\.00 points with 5 left float"):
        fewest_float_layers(LAYERS, lambda names: tried.append(len(names)) or b"", lambda _: 0.05, 0.01)
    assert tried == [1, 2, 4, 5]


def test_search_among_one_layer_finds_none():
    with pytest.raises(ConversionFailed, match="no selection of float layers holds"):
        fewest_float_layers(LAYERS[:1], lambda _: b"", lambda _: 0.0, 0.01)
