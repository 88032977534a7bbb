"""Ranges and clipping, held against what Keras computes."""

from pathlib import Path

import numpy as np
import pytest
import tf_keras as keras

from edge.tflite import read_graph
from pipeline.quantization.convert import to_tflite
from pipeline.report.calibration.facts import Range
from pipeline.report.calibration.ranges import activation_ranges

SHAPE = (12, 12, 3)
SETTINGS = {"input_scale": 1 / 128, "input_zero_point": 128}


@pytest.fixture(scope="module")
def core() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input(SHAPE)
    x = keras.layers.Conv2D(6, 3, activation="relu", name="first")(inputs)
    x = keras.layers.Conv2D(8, 3, name="second")(x)
    return keras.Model(
        inputs, keras.layers.Dense(5, name="logits")(keras.layers.GlobalAveragePooling2D()(x)), name="core"
    )


@pytest.fixture(scope="module")
def bright() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (16, *SHAPE), np.uint8)


def _ranges(core: keras.Model, calibration: np.ndarray, pictures: np.ndarray, folder: Path) -> list[Range]:
    quantized, floating = folder / "int8.tflite", folder / "float32.tflite"
    quantized.write_bytes(to_tflite(core, "int8-ptq", calibration=calibration, **SETTINGS))
    floating.write_bytes(to_tflite(core, "float32", **SETTINGS))
    return list(activation_ranges(quantized, floating, pictures))


def test_extremes_and_clipped_share_are_those_of_the_float_network(core, bright, tmp_path) -> None:
    grey = np.random.default_rng(2).integers(120, 137, (16, *SHAPE), np.uint8)
    ranges = _ranges(core, grey, bright, tmp_path)
    for layer in ("first", "second"):
        (found,) = [each for each in ranges if layer in each.layer]
        values = keras.Model(core.input, core.get_layer(layer).output)((bright - 128.0) / 128).numpy()
        assert (found.seen_low, found.seen_high) == pytest.approx((values.min(), values.max()), rel=1e-4)
        half = (found.high - found.low) / 510
        clipped = np.mean((values < found.low - half) | (values > found.high + half))
        assert found.outside == pytest.approx(clipped, abs=2e-3)
        assert found.outside > 0.1
    (tensor,) = [
        each
        for each in read_graph(tmp_path / "int8.tflite").tensors
        if "second" in each.name and each.shape == (1, 8, 8, 8)
    ]
    (second,) = [each for each in ranges if "second" in each.layer]
    (scale,), (zero,) = tensor.scales, tensor.zero_points
    assert (second.low, second.high) == pytest.approx((scale * (-128 - zero), scale * (127 - zero)))


def test_nothing_is_clipped_on_the_pictures_of_the_set_itself(core, bright, tmp_path) -> None:
    ranges = _ranges(core, bright, bright, tmp_path)
    assert ranges
    assert all(each.outside == 0 for each in ranges)
    assert all(0.5 < each.used <= 1 for each in ranges)
