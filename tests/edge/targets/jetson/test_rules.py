import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from edge.targets.jetson.rules import check_onnx


@pytest.fixture
def accepted(jetson_folder):
    return onnx.load(jetson_folder("resnet8", "int8-qat") / "model.onnx")


def _first(model, kind):
    return next(node for node in model.graph.node if node.op_type == kind)


def _set(model, name, value):
    next(each for each in model.graph.initializer if each.name == name).CopyFrom(numpy_helper.from_array(value, name))


def _words(model, severity="refused"):
    return "; ".join(str(finding) for finding in check_onnx(model) if finding.severity == severity)


def test_a_file_of_the_jetson_target_breaks_no_rule(accepted):
    assert check_onnx(accepted) == []


@pytest.mark.parametrize(
    ("value", "words"),
    [(np.int8(3), "zero point 3"), (np.uint8(0), "codes of uint8"), (np.uint8(128), "codes of uint8")],
)
def test_zero_points_other_than_int8_0_are_refused(accepted, value, words):
    _set(accepted, _first(accepted, "QuantizeLinear").input[2], np.asarray(value))
    assert words in _words(accepted)


def test_a_scale_of_zero_is_refused(accepted):
    _set(accepted, _first(accepted, "QuantizeLinear").input[1], np.float32(0))
    assert "not positive" in _words(accepted)


def test_an_int32_bias_is_refused(cpu_folder):
    assert "int32 bias" in _words(onnx.load(cpu_folder("resnet8", "int8-qat") / "model.fast.onnx"))


def test_the_cpu_twin_is_refused_for_its_uint8_codes(cpu_folder):
    words = _words(onnx.load(cpu_folder("resnet8", "int8-ptq") / "model.fast.onnx"))
    assert "codes of uint8" in words
    assert "TensorRT takes uint8 in Cast alone" in words


def test_a_newer_opset_is_refused(accepted):
    accepted.opset_import[0].version = 99
    assert "99 is outside" in _words(accepted)


def test_an_operator_of_another_domain_is_refused(accepted):
    _first(accepted, "Relu").domain = "com.microsoft"
    assert "needs a plugin" in _words(accepted)


def test_a_free_size_of_the_picture_needs_a_profile(accepted):
    accepted.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"
    assert "besides the batch is free: it needs an optimisation profile" in _words(accepted, "warning")


def test_an_input_type_that_tensorrt_lacks_is_refused(accepted):
    accepted.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT16
    assert "input of type UINT16" in _words(accepted)


def test_a_residual_branch_in_float_is_warned_of(accepted):
    add = _first(accepted, "Add")
    add.input[1] = _first(accepted, "Relu").output[0]
    assert "one branch is not quantized" in _words(accepted, "warning")


def test_a_residual_branch_straight_from_a_quantized_convolution_is_as_nvidia_advises(accepted):
    # "Q/DQ Layer-Placement Recommendations": Conv and Add fuse where only the other branch is quantized.
    add = _first(accepted, "Add")
    add.input[1] = _first(accepted, "Conv").output[0]
    assert "one branch is not quantized" not in _words(accepted, "warning")


def test_a_convolution_with_float_weights_is_warned_of(accepted):
    conv = _first(accepted, "Conv")
    conv.input[1] = "image_scale"
    assert "only its data are int8" in _words(accepted, "warning")
