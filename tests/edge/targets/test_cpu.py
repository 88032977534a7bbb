import numpy as np
import onnx
import pytest

from edge.device.runtimes import open_runtime
from edge.targets import cpu


@pytest.mark.parametrize(
    ("network", "precision"),
    [*((name, kind) for name in ("mlp", "cnn", "resnet8") for kind in ("int8-ptq", "int8-qat")),
     ("mobilenet_v1", "int8-ptq")],  # aware training of it takes a minute
)  # fmt: skip
def test_fast_onnx_twin_equals_litert_but_for_a_rare_code(network, precision, cpu_folder, pictures_of):
    """Both multiply by a scale in float32, but not in the same order on every processor: where a product lies next to
    a tie it may round to the other code. Of 20,000 logits 14 did on one with AMX, none on one without."""
    folder, pictures = cpu_folder(network, precision), pictures_of(network, 2000)
    expected = open_runtime("litert", folder / "model.tflite").run(pictures)
    codes = np.unique(expected)
    assert len(codes) > 10  # the network does say different things
    found = open_runtime("onnxruntime", folder / "model.fast.onnx").run(pictures)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1.01 * np.diff(codes).min())
    assert np.mean(found != expected) <= 0.001


@pytest.mark.parametrize("network", ["mlp", "cnn", "resnet8"])
@pytest.mark.parametrize("precision", ["int8-ptq", "int8-qat"])
def test_reference_kernels_differ_from_litert_by_few_codes(network, precision, cpu_folder, pictures_of):
    folder, pictures = cpu_folder(network, precision), pictures_of(network, 150)
    one = open_runtime("litert-reference", folder / "model.tflite").run(pictures)
    other = open_runtime("litert", folder / "model.tflite").run(pictures)
    step = np.diff(np.unique(one)).min()
    assert np.abs(one - other).max() <= 4.01 * step
    assert (np.abs(one - other) > 1.01 * step).mean() < 0.02


@pytest.mark.parametrize("precision", ["int8-ptq", "int8-qat"])
def test_onnx_twin_keeps_weights_in_int8_and_activations_in_uint8(precision, cpu_folder):
    model = onnx.load(cpu_folder("resnet8", precision) / "model.fast.onnx")
    kinds = [node.op_type for node in model.graph.node]
    assert "Relu" not in kinds
    assert kinds.count("Transpose") == 1  # NHWC bytes to NCHW, once
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [each.dim_param or each.dim_value for each in model.graph.input[0].type.tensor_type.shape.dim] == [
        "batch", 32, 32, 3,
    ]  # fmt: skip
    weights = {each.data_type for each in model.graph.initializer if len(each.dims) == 4}
    assert weights == {onnx.TensorProto.INT8}


@pytest.mark.parametrize("precision", ["float16", "float32"])
def test_float_twin_agrees_with_litert(precision, cpu_folder, pictures_of):
    folder, pictures = cpu_folder("resnet8", precision), pictures_of("resnet8", 100)
    expected = open_runtime("litert", folder / "model.tflite").run(pictures)
    np.testing.assert_allclose(open_runtime("onnxruntime", folder / "model.onnx").run(pictures), expected, atol=1e-4)


def test_selective_precision_has_a_twin_whose_float_layers_stay_float(cpu_folder, pictures_of):
    folder, pictures = cpu_folder("resnet8", "int8-selective"), pictures_of("resnet8", 200)
    expected = open_runtime("litert", folder / "model.tflite").run(pictures)
    found = open_runtime("onnxruntime", folder / "model.fast.onnx").run(pictures)
    # Quantized weights in those layers, which ONNX Runtime would make by itself, cost several times as much.
    assert np.sqrt(np.mean((found - expected) ** 2)) < np.ptp(expected) / 2000
    assert not (folder / "model.onnx").exists()


@pytest.mark.parametrize(
    ("precision", "files"),
    [("int8-selective", ["model.tflite", "model.fast.onnx"]), ("int16x8", ["model.tflite"])],
)
def test_onnx_that_a_precision_cannot_have_is_left_out_with_a_finding(precision, files, tflite_of, tmp_path):
    artifact = cpu.convert(tflite_of("cnn", precision), None, tmp_path)
    assert artifact.precision == precision
    assert [each.file for each in artifact.files] == files
    assert artifact.must_equal == frozenset()
    assert [(each.severity, each.operator) for each in artifact.findings] == [("warning", "twin")]


@pytest.mark.parametrize("network", ["cnn", "resnet8"])
def test_int16_activations_answer_as_float_does(network, tflite_of, pictures_of):
    pictures = pictures_of(network, 200)
    exact, wide, narrow = (
        open_runtime("litert-reference", tflite_of(network, precision)).run(pictures)
        for precision in ("float32", "int16x8", "int8-ptq")
    )
    assert (wide.argmax(1) == exact.argmax(1)).mean() >= 0.97
    assert np.mean((wide - exact) ** 2) < np.mean((narrow - exact) ** 2)
