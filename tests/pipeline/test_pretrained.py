import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

import models
from edge.device.errors import BadModel
from pipeline.pretrained import load_backbone_weights, load_core

SHAPE = (8, 8, 1)


def own_model(*, softmax: str = "activation") -> keras.Model:
    inputs = keras.Input(SHAPE)
    x = keras.layers.Flatten()(inputs)
    if softmax == "activation":
        return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
    x = keras.layers.Dense(3)(x)
    return keras.Model(inputs, keras.layers.Softmax()(x) if softmax == "layer" else x)


@pytest.mark.parametrize("name", ["own.h5", "own.keras", "saved_model"])
@pytest.mark.parametrize("softmax", ["activation", "layer", "none"])
def test_model_file_loads_and_ends_in_logits(tmp_path: Path, name: str, softmax: str) -> None:
    model = own_model(softmax=softmax)
    model.save(tmp_path / name)
    core = load_core(tmp_path / name, SHAPE, 3)
    x = np.random.default_rng(0).normal(size=(5, *SHAPE)).astype(np.float32)
    expected = model(x).numpy()
    logits = core(x).numpy()
    np.testing.assert_allclose(tf.nn.softmax(logits) if softmax != "none" else logits, expected, rtol=1e-5, atol=1e-6)


def test_lambda_layer_is_refused_before_it_can_run(tmp_path: Path) -> None:
    inputs = keras.Input(SHAPE)
    keras.Model(inputs, keras.layers.Lambda(lambda x: x)(inputs)).save(tmp_path / "code.h5")
    with pytest.raises(BadModel, match="Lambda layer, which is code"):
        load_core(tmp_path / "code.h5", SHAPE, 3)


@pytest.mark.parametrize("name", ["three.keras", "three.h5"])
def test_keras_3_file_gets_a_clear_answer(tmp_path: Path, name: str) -> None:
    code = (
        "import sys, keras; x = keras.Input((8, 8, 1));"
        "keras.Model(x, keras.layers.Dense(3)(keras.layers.Flatten()(x))).save(sys.argv[1])"
    )
    # A process of its own: one process holds either Keras, not both.
    subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], check=True, capture_output=True)
    with pytest.raises(BadModel, match=r"written by Keras 3.*tf_keras 2"):
        load_core(tmp_path / name, SHAPE, 3)


def test_output_that_does_not_fit_the_classes_is_refused(tmp_path: Path) -> None:
    own_model().save(tmp_path / "own.h5")
    with pytest.raises(BadModel, match=r"gives output \(3,\), the data have 10 classes"):
        load_core(tmp_path / "own.h5", SHAPE, 10)


def test_input_that_does_not_fit_the_pictures_is_refused(tmp_path: Path) -> None:
    own_model().save(tmp_path / "own.h5")
    with pytest.raises(BadModel, match=r"takes input \(8, 8, 1\), the recipe gives \(16, 16, 3\)"):
        load_core(tmp_path / "own.h5", (16, 16, 3), 3)


def test_weights_alone_are_refused_as_a_model(tmp_path: Path) -> None:
    own_model().save_weights(tmp_path / "weights.h5")
    with pytest.raises(BadModel, match="holds weights alone"):
        load_core(tmp_path / "weights.h5", SHAPE, 3)


def test_truncated_model_is_refused(tmp_path: Path) -> None:
    own_model().save(tmp_path / "own.h5")
    content = (tmp_path / "own.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(content[: len(content) // 2])
    with pytest.raises(BadModel, match=r"cut\.h5"):
        load_core(tmp_path / "cut.h5", SHAPE, 3)


def test_backbone_weights_of_another_width_are_refused(tmp_path: Path) -> None:
    narrow = models.build("mobilenet_v2", (32, 32, 3), 2, width=0.35)
    keras.Model(narrow.input, narrow.get_layer("pool").input).save_weights(tmp_path / "narrow.h5")
    wide = models.build("mobilenet_v2", (32, 32, 3), 2, width=0.5)
    with pytest.raises(BadModel, match=r"narrow\.h5.*does not fit mobilenet_v2 at width 0\.5"):
        load_backbone_weights(wide, "mobilenet_v2", str(tmp_path / "narrow.h5"), 0.5)


def test_backbone_takes_the_weights_and_the_head_keeps_its_own(shared: Path) -> None:
    core = models.build("mobilenet_v2", (160, 160, 3), 5, width=0.35)
    head = core.get_layer("logits").get_weights()
    before = core.get_layer("Conv1").get_weights()[0]
    file = shared / "weights" / "mobilenet_v2_0.35_224_no_top.h5"
    load_backbone_weights(core, "mobilenet_v2", str(file), 0.35)
    assert not np.array_equal(core.get_layer("Conv1").get_weights()[0], before)
    np.testing.assert_array_equal(core.get_layer("logits").get_weights()[0], head[0])


def test_resnet_of_mlperf_tiny_loads_with_its_softmax_taken_off(shared: Path) -> None:
    core = load_core(shared / "weights" / "pretrainedResnet.h5", (32, 32, 3), 10)
    assert core.count_params() == 78_666
    logits = core(np.zeros((1, 32, 32, 3), np.float32)).numpy()
    assert not np.isclose(logits.sum(), 1)
