"""OpenVINO's representation, held against LiteRT and against the operators of the TFLite file it comes from."""

import numpy as np
import onnx
import openvino as ov
import pytest
from onnx import TensorProto, helper

from edge.device.errors import BadModel
from edge.runtimes import open_runtime
from edge.targets import openvino
from edge.targets.openvino.execution import executed_precisions
from edge.tflite import read_graph

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
NETWORKS = [("mlp", "int8-ptq"), ("cnn", "int8-ptq"), ("resnet8", "int8-qat"), ("mobilenet_v1", "int8-ptq")]


@pytest.mark.parametrize(("network", "precision"), NETWORKS)
def test_every_layer_with_weights_is_executed_in_int8(network, precision, tflite_of, pictures_of, tmp_path):
    form = tflite_of(network, precision)
    artifact = openvino.convert(form, None, tmp_path)
    expected = sum(operator.name in WEIGHTED for operator in read_graph(form).operators)
    assert artifact.figures == {"weighted_layers": expected, "int8_layers": expected}
    assert artifact.findings == ()
    pictures = pictures_of(network, 100)
    one, other = openvino.run(artifact, pictures), open_runtime("litert", form).run(pictures)
    step = read_graph(form).output.scales[0]
    assert np.quantile(np.abs(one - other), 0.95) <= 3.01 * step  # a code or two, from rounding in between
    assert (one.argmax(1) == other.argmax(1)).mean() > 0.9


def test_the_representation_takes_one_picture_channels_first(tflite_of, tmp_path):
    artifact = openvino.convert(tflite_of("resnet8", "int8-qat"), None, tmp_path)
    model = ov.Core().read_model(tmp_path / "model.xml")
    assert (list(model.input(0).shape), model.input(0).element_type) == ([1, 3, 32, 32], ov.Type.u8)
    assert (list(model.output(0).shape), model.output(0).element_type) == ([1, 10], ov.Type.f32)
    assert [(each.file, each.runtimes) for each in artifact.files] == [("model.xml", ("openvino",)), ("model.bin", ())]
    assert "model.xml on Intel" in (tmp_path / "DEVICE.md").read_text()


@pytest.mark.parametrize(("precision", "bytes_per_weight"), [("float16", 2), ("float32", 4)])
def test_a_float_representation_agrees_with_litert(precision, bytes_per_weight, tflite_of, pictures_of, tmp_path):
    form, pictures = tflite_of("resnet8", precision), pictures_of("resnet8", 50)
    artifact = openvino.convert(form, None, tmp_path)
    assert (artifact.precision, artifact.figures["int8_layers"]) == (precision, 0)
    np.testing.assert_allclose(
        openvino.run(artifact, pictures), open_runtime("litert", form).run(pictures), rtol=1e-3, atol=2e-3
    )
    weights = 77_360  # of MLPerf Tiny's ResNet-8, its normalisation folded
    assert (tmp_path / "model.bin").stat().st_size == pytest.approx(bytes_per_weight * weights, rel=0.05)


def test_layers_executed_in_float_are_told_apart(tflite_of, tmp_path):
    openvino.convert(tflite_of("cnn", "float32"), None, tmp_path)
    layers = executed_precisions(tmp_path / "model.xml")
    assert {each.precision for each in layers} <= {"f32"}
    assert [each.kind for each in layers] == ["Convolution"] * 4 + ["FullyConnected"]


def test_check_places_the_operators_of_an_onnx_file(cpu_folder):
    path = cpu_folder("cnn", "int8-ptq") / "model.fast.onnx"
    verdict = openvino.check(path, None)
    assert verdict.fits == "yes"
    assert [each.name for each in verdict.operators] == [node.op_type for node in onnx.load(path).graph.node]
    assert {each.placement for each in verdict.operators} == {"cpu"}


def test_check_names_the_onnx_operator_that_openvino_does_not_know(tmp_path):
    nodes = [helper.make_node("Relu", ["a"], ["b"]), helper.make_node("Det", ["b"], ["c"])]
    inputs = [helper.make_tensor_value_info("a", TensorProto.FLOAT, [3, 3])]
    outputs = [helper.make_tensor_value_info("c", TensorProto.FLOAT, [])]
    model = helper.make_model(
        helper.make_graph(nodes, "g", inputs, outputs), opset_imports=[helper.make_opsetid("", 17)]
    )
    onnx.save(model, tmp_path / "det.onnx")
    verdict = openvino.check(tmp_path / "det.onnx", None)
    assert verdict.fits == "no"
    assert [(each.name, each.placement) for each in verdict.operators] == [("Relu", "uncertain"), ("Det", "refused")]
    assert any("Det" in reason for reason in verdict.refusals)


def test_check_names_the_custom_operator_of_a_foreign_tflite_file(shared):
    (path,) = (shared / "edgetpu" / "models").glob("posenet*decoder.tflite")
    verdict = openvino.check(path, None)
    assert verdict.fits == "no"
    assert [each.name for each in verdict.operators if each.placement == "refused"] == ["CUSTOM:PosenetDecoderOp"]


def test_check_takes_foreign_models_that_openvino_reads(shared):
    (path,) = (shared / "edgetpu" / "models").glob("mobilenet_v1_0.25_128_quant.tflite")
    verdict = openvino.check(path, None)
    assert (verdict.fits, len(verdict.operators)) == ("yes", len(read_graph(path).operators))


def test_a_cut_onnx_file_is_refused(cpu_folder, tmp_path):
    whole = (cpu_folder("cnn", "int8-ptq") / "model.fast.onnx").read_bytes()
    (tmp_path / "cut.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadModel):
        openvino.check(tmp_path / "cut.onnx", None)
