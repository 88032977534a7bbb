from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import tf_keras as keras

from edge.boards import find_board
from edge.device.errors import BadModel
from edge.runtimes import open_runtime
from edge.targets import jetson
from edge.targets.jetson.rules import check_onnx
from pipeline.quantization.raw_bytes import take_bytes

FORMS = [rung for rung in jetson.RUNGS if rung != "int8-selective"]  # made by a search of its own


@pytest.mark.parametrize("network", ["mlp", "cnn", "resnet8"])
def test_onnx_from_aware_training_answers_as_litert(network, jetson_folder, tflite_of, pictures_of):
    pictures = pictures_of(network, 500)
    expected = open_runtime("litert", tflite_of(network, "int8-qat")).run(pictures)
    logits = open_runtime("onnxruntime", jetson_folder(network, "int8-qat") / "model.onnx", layout="NCHW").run(pictures)
    # ONNX Runtime sums these convolutions in float32, so that a half may round the other way.
    assert np.isclose(logits, expected, atol=1e-4).mean() > 0.97
    assert (logits.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.98


@pytest.mark.parametrize("network", ["mlp", "cnn", "resnet8"])
def test_onnx_from_calibration_is_recentred_and_stays_near(network, jetson_folder, tflite_of, pictures_of):
    pictures = pictures_of(network, 200)
    expected = open_runtime("litert", tflite_of(network, "int8-ptq")).run(pictures)
    logits = open_runtime("onnxruntime", jetson_folder(network, "int8-ptq") / "model.onnx", layout="NCHW").run(pictures)
    assert np.abs(logits - expected).mean() < 0.15 * expected.std()


@pytest.mark.parametrize(
    ("network", "precision"),
    [*((name, kind) for name in ("mlp", "cnn", "resnet8") for kind in FORMS), ("mobilenet_v1", "int8-ptq")],
)
def test_onnx_breaks_none_of_tensorrts_rules(network, precision, jetson_folder):
    model = onnx.load(jetson_folder(network, precision) / "model.onnx")
    assert check_onnx(model) == []
    assert [each.version for each in model.opset_import if each.domain == ""] == [17]
    assert "Transpose" not in {node.op_type for node in model.graph.node}
    assert "Gemm" in {node.op_type for node in model.graph.node}


@pytest.mark.parametrize("precision", ["float16", "float32"])
def test_float_onnx_agrees_with_litert(precision, jetson_folder, tflite_of, pictures_of):
    pictures = pictures_of("resnet8", 50)
    expected = open_runtime("litert", tflite_of("resnet8", precision)).run(pictures)
    logits = open_runtime("onnxruntime", jetson_folder("resnet8", precision) / "model.onnx", layout="NCHW").run(
        pictures
    )
    np.testing.assert_allclose(logits, expected, atol=0.05 if precision == "float16" else 1e-4)


def test_half_precision_holds_no_float32_weights(jetson_folder):
    model = onnx.load(jetson_folder("cnn", "float16") / "model.onnx")
    assert {each.data_type for each in model.graph.initializer} == {onnx.TensorProto.FLOAT16, onnx.TensorProto.INT64}


def test_check_of_a_calibrated_model_warns_of_its_zero_points(tflite_of):
    first, *others = jetson.check(tflite_of("cnn", "int8-ptq"), None).findings
    assert (first.severity, first.operator) == ("warning", "activations")
    assert {finding.severity for finding in others} == {"note"}


@pytest.fixture(scope="module")
def selective(tmp_path_factory) -> Path:
    """An int8 TFLite file whose convolutions stay float, as the quantization debugger leaves them."""
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    layers = keras.layers
    pictures = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 3)).astype(np.float32)
    inputs = keras.Input(batch_shape=(1, 16, 16, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="first")(inputs)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="second")(x)
    core = keras.Model(inputs, layers.Dense(5)(layers.GlobalAveragePooling2D()(x)))
    converter = tf.lite.TFLiteConverter.from_keras_model(core)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([picture[np.newaxis]] for picture in pictures)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=["CONV_2D"])
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter, debug_dataset=converter.representative_dataset, debug_options=options
    )
    file = tmp_path_factory.mktemp("selective") / "selective.tflite"
    file.write_bytes(take_bytes(bytes(debugger.get_nondebug_quantized_model()), 1.0, 0))
    return file


def test_layers_left_float_compute_in_float16(selective, tmp_path):
    artifact = jetson.convert(selective, None, tmp_path)
    assert artifact.precision == "int8-selective"
    model = onnx.load(tmp_path / "model.onnx")
    assert [each for each in check_onnx(model) if each.severity == "refused"] == []
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    weights = [kinds[node.input[1]] for node in model.graph.node if node.op_type == "Conv"]
    assert weights == [onnx.TensorProto.FLOAT16] * 2
    pictures = np.random.default_rng(1).integers(0, 256, (50, 16, 16, 3), np.uint8)
    expected = open_runtime("litert", selective).run(pictures)
    # Codes of what is quantized are recentred: up to twice as coarse.
    assert np.abs(jetson.run(artifact, pictures) - expected).max() < 0.15 * np.ptp(expected)


@pytest.mark.parametrize(
    ("name", "opset", "batch", "files"),
    [
        ("nano", 13, 0, ["model.onnx", "model.float-input.onnx"]),
        ("agx-xavier", 13, 1, ["model.onnx"]),
        ("orin-nano", 17, 0, ["model.onnx"]),
        ("agx-orin", 17, 1, ["model.onnx"]),
    ],
)
def test_a_board_decides_opset_batch_and_input(name, opset, batch, files, tflite_of, pictures_of, tmp_path):
    artifact = jetson.convert(tflite_of("cnn", "float16"), find_board("jetson", name), tmp_path)
    assert [each.file for each in artifact.files] == files
    model = onnx.load(tmp_path / "model.onnx")
    assert [each.version for each in model.opset_import if each.domain == ""] == [opset]
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_value == batch
    assert "Transpose" not in {node.op_type for node in model.graph.node}
    pictures = pictures_of("cnn", 20)
    expected = jetson.run(artifact, pictures)
    if len(files) == 2:  # the same answers to the same pictures in float32
        session = onnxruntime.InferenceSession(tmp_path / files[1], providers=["CPUExecutionProvider"])
        floats = pictures.transpose(0, 3, 1, 2).astype(np.float32)
        np.testing.assert_array_equal(session.run(None, {"image": floats})[0], expected)


@pytest.mark.parametrize("name", ["nano", "tx2"])
def test_int8_for_a_board_without_it_is_refused(name, tflite_of, tmp_path):
    with pytest.raises(BadModel, match="does not compute in int8"):
        jetson.convert(tflite_of("cnn", "int8-qat"), find_board("jetson", name), tmp_path)


def test_a_tflite_file_that_takes_no_picture_is_refused_with_the_reason(tmp_path):
    import tensorflow as tf

    function = tf.function(lambda x: tf.nn.relu(x))
    concrete = function.get_concrete_function(tf.TensorSpec([1, 8], tf.float32))
    (tmp_path / "row.tflite").write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert())
    verdict = jetson.check(tmp_path / "row.tflite", None)
    assert (verdict.fits, verdict.operators[0].placement) == ("no", "uncertain")
    assert "TensorRT reads no TFLite: input: is FLOAT32 [1, 8]" in verdict.refusals[0]
