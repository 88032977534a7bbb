from pathlib import Path

import numpy as np
import pytest
import tf_keras as keras

from edge.device.runtimes import open_runtime
from edge.target import Precision
from edge.targets import cpu, jetson
from edge.tflite import read_graph
from pipeline.quantization.aware import quantization_aware
from pipeline.quantization.convert import to_tflite


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """Pooling to one pixel, then Dense with a large bias: the converter leaves out the flattening in between."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(8)(x))
    return keras.Model(
        inputs, keras.layers.Dense(5, bias_initializer=keras.initializers.Constant(3.0), name="logits")(x)
    )


@pytest.mark.parametrize("precision", ["int8-ptq", "int8-qat", "float16", "float32"])
def test_dense_behind_a_pooled_picture_keeps_its_bias(
    network: keras.Model, precision: Precision, tmp_path: Path
) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 3), dtype=np.uint8)
    core = network
    if precision == "int8-qat":
        core = quantization_aware(network, 1 / 128, 128)
        core(pictures / np.float32(128) - 1, training=True)
    content = to_tflite(core, precision, input_scale=1 / 128, input_zero_point=128, calibration=pictures)
    (tmp_path / "form.tflite").write_bytes(content)
    graph = read_graph(tmp_path / "form.tflite")
    dense = next(operator for operator in graph.operators if operator.name == "FULLY_CONNECTED")
    assert len(graph.tensors[dense.inputs[0]].shape) == 4  # otherwise this test shows nothing
    expected = open_runtime("litert", tmp_path / "form.tflite").run(pictures)
    for target, layout in ((cpu, "NHWC"), (jetson, "NCHW")):
        folder = tmp_path / target.__name__
        folder.mkdir()
        artifact = target.convert(tmp_path / "form.tflite", None, folder)
        for model in artifact.files:
            if model.file.endswith(".onnx"):
                logits = open_runtime("onnxruntime", folder / model.file, layout=layout).run(pictures)
                assert np.abs(logits - expected).max() < 0.1
