import numpy as np
import onnx
import pytest

from edge.device.runtimes import open_runtime
from edge.targets import jetson
from edge.targets.jetson import check_onnx

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
