"""Selective precision on a network with one layer that int8 cannot hold."""

import numpy as np
import pytest
import tf_keras as keras

from edge.device.errors import BadData
from edge.device.runtimes import open_runtime
from edge.tflite import parse_graph
from pipeline.quantization.calibration import spanning
from pipeline.quantization.convert import to_tflite
from pipeline.quantization.selective import SelectivePath, counts, selective_path

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
def path(core, pictures) -> SelectivePath:
    return selective_path(core, calibration=pictures, **SETTINGS)


def _error(content, core, pictures, folder) -> float:
    (folder / "model.tflite").write_bytes(content)
    expected = core((pictures - np.float32(128)) / np.float32(128), training=False).numpy()
    found = open_runtime("litert-reference", folder / "model.tflite").run(pictures)
    return float(np.sqrt(np.mean((found - expected) ** 2)) / np.std(expected))


def test_the_layer_that_int8_cannot_hold_is_ranked_first(path):
    worst, second = path.layers[:2]
    assert "damaged" in worst.name
    assert worst.operator == "CONV_2D"
    assert worst.relief > 0.7 > 0.2 > second.relief
    assert worst.error > 3 * max(layer.error for layer in path.layers[1:])
    (first,) = (layer for layer in path.layers if "first" in layer.name)
    assert first.error == pytest.approx(12**-0.5, rel=0.2)  # rounding alone


def test_leaving_the_worst_layer_float_brings_the_answers_back(core, pictures, path, tmp_path):
    one = path.selections[0]
    whole = to_tflite(core, "int8-ptq", calibration=pictures, **SETTINGS)
    assert one.left_float == (path.layers[0].name,)
    assert _error(one.content, core, pictures, tmp_path) < 0.2 * _error(whole, core, pictures, tmp_path)
    graph = parse_graph(one.content, "one")
    floats = [each.name for each in graph.operators if graph.tensors[each.inputs[0]].dtype == "FLOAT32"]
    assert floats.count("CONV_2D") == 1
    assert (graph.input.dtype, graph.input.scales, graph.output.dtype) == ("UINT8", (1 / 128,), "FLOAT32")


def test_relief_is_the_share_of_the_logit_error_that_goes(core, pictures, path, tmp_path):
    none = to_tflite(core, "int8-ptq", calibration=pictures, **SETTINGS)
    left = _error(path.selections[0].content, core, pictures, tmp_path) / _error(none, core, pictures, tmp_path)
    assert path.layers[0].relief == pytest.approx(1 - left, abs=0.05)  # the output of `none` is in int8, too


def test_each_selection_leaves_the_worst_layers_float(path):
    assert [len(each.left_float) for each in path.selections] == list(counts(len(path.layers)))
    ranked = tuple(layer.name for layer in path.layers)
    assert all(each.left_float == ranked[: len(each.left_float)] for each in path.selections)


def test_a_first_layer_left_float_still_takes_bytes(pictures, tmp_path):
    keras.utils.set_random_seed(0)
    inputs = keras.Input(SHAPE)
    x = keras.layers.Conv2D(4, 3, activation="relu", name="first")(inputs)
    core = keras.Model(inputs, keras.layers.Dense(5, name="logits")(keras.layers.Flatten()(x)))
    path = selective_path(core, calibration=pictures, **SETTINGS)
    assert any("first" in layer.name for layer in path.layers)
    for selection in path.selections:
        graph = parse_graph(selection.content, "mixed")
        first = any("first" in name for name in selection.left_float)
        assert (graph.input.dtype, graph.operators[0].name) == ("UINT8", "DEQUANTIZE" if first else "QUANTIZE")
        assert _error(selection.content, core, pictures, tmp_path) < 0.1


@pytest.mark.parametrize(
    ("layers", "expected"), [(0, ()), (1, ()), (2, (1,)), (3, (1,)), (10, (1, 2, 4, 5)), (16, (1, 2, 4, 8))]
)
def test_counts_double_up_to_half_of_the_layers(layers, expected):
    assert counts(layers) == expected


def test_a_path_without_calibration_pictures_is_refused(core):
    with pytest.raises(BadData, match="int8-selective needs"):
        selective_path(core, calibration=None, **SETTINGS)
