"""Each pass alone, on a graph of a few nodes: the same numbers before and after it, in ONNX Runtime."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, checker, helper, numpy_helper, shape_inference

from edge.device.errors import ConversionFailed
from edge.targets.derivation.activations import recentre, shift_to_uint8
from edge.targets.derivation.biases import float_biases
from edge.targets.derivation.clamps import clamp_codes, saturating_clips_to_relu
from edge.targets.derivation.flatten import fold_flatten
from edge.targets.derivation.graph import constant, drop_unused
from edge.targets.derivation.half import to_half
from edge.targets.derivation.pads import fold_pads
from edge.targets.derivation.picture import cast_picture
from edge.targets.derivation.tflite_import import float_output, free_batch

FLOAT, UINT8 = TensorProto.FLOAT, TensorProto.UINT8
SCALE = np.float32(0.05)
RANDOM = np.random.default_rng(0)


def model_of(nodes, shape, out_shape, *, kind=FLOAT, out_kind=FLOAT, **constants):
    """A model `image` -> `logits` of (operator, inputs, output, attributes)."""
    graph = helper.make_graph(
        [helper.make_node(op, inputs, [output], name=output, **rest) for op, inputs, output, rest in nodes],
        "test",
        [helper.make_tensor_value_info("image", kind, shape)],
        [helper.make_tensor_value_info("logits", out_kind, out_shape)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def quantized(before, after, zero_point, *, rest=None):
    """`before` through QuantizeLinear and DequantizeLinear to `after`."""
    names = ["s", zero_point]
    return [
        ("QuantizeLinear", [before, *names], f"{after}_codes", {}),
        ("DequantizeLinear", [rest or f"{after}_codes", *names], after, {}),
    ]


def answers(model, image):
    """What the model says with every node run as it stands."""
    checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": image})[0]


def kinds(model):
    return [node.op_type for node in model.graph.node]


def reals(*shape):
    return RANDOM.normal(0, 4, shape).astype(np.float32)


@pytest.mark.parametrize("zero_point", [-128, -3, 0, 127])
def test_shift_to_uint8_keeps_every_number(zero_point):
    model = model_of(quantized("image", "logits", "z"), [1, 500], [1, 500], s=SCALE, z=np.int8(zero_point))
    image = reals(1, 500)
    expected = answers(model, image)
    shift_to_uint8(model.graph)
    np.testing.assert_array_equal(answers(model, image), expected)
    assert constant(model.graph, model.graph.node[0].input[2]) == np.uint8(zero_point + 128)


def test_shift_to_uint8_drops_the_requantization_of_the_input():
    nodes = [("DequantizeLinear", ["image", "s", "u"], "real", {}), *quantized("real", "logits", "z")]
    model = model_of(nodes, [1, 9], [1, 9], kind=UINT8, s=SCALE, u=np.uint8(128), z=np.int8(0))
    image = np.arange(9, dtype=np.uint8)[np.newaxis] * 28
    expected = answers(model, image)
    shift_to_uint8(model.graph)
    drop_unused(model.graph)
    np.testing.assert_array_equal(answers(model, image), expected)
    assert kinds(model) == ["DequantizeLinear"]


@pytest.mark.parametrize("zero_point", [-128, -40, 0, 90])
def test_recentre_keeps_the_range_at_zero_point_0(zero_point):
    model = model_of(quantized("image", "logits", "z"), [1, 800], [1, 800], s=SCALE, z=np.int8(zero_point))
    image = np.linspace((-128 - zero_point) * SCALE, (127 - zero_point) * SCALE, 800, dtype=np.float32)[np.newaxis]
    recentre(model.graph)
    scale, point = (constant(model.graph, name) for name in model.graph.node[0].input[1:])
    assert (point.dtype, int(point)) == (np.int8, 0)
    assert SCALE <= scale <= SCALE * 256 / 127
    assert (scale == SCALE) == (zero_point == 0)
    np.testing.assert_allclose(answers(model, image), image, atol=float(scale) / 2 + 1e-5)


def test_recentre_of_codes_that_are_computed_with_is_refused():
    nodes = [("QuantizeLinear", ["image", "s", "z"], "codes", {}), ("Abs", ["codes"], "more", {})]
    nodes.append(("DequantizeLinear", ["more", "s", "z"], "logits", {}))
    model = model_of(nodes, [1, 3], [1, 3], s=SCALE, z=np.int8(0))
    with pytest.raises(ConversionFailed, match="Abs"):
        recentre(model.graph)


@pytest.mark.parametrize("zero_point", [0, 30, 128])
@pytest.mark.parametrize("clamp", ["Relu", "Clip"])
def test_clamp_codes_keeps_every_number(clamp, zero_point):
    inputs = ["image"] if clamp == "Relu" else ["image", "low", "high"]
    nodes = [(clamp, inputs, "clamped", {}), *quantized("clamped", "logits", "z")]
    constants = {"s": SCALE, "z": np.uint8(zero_point), "low": np.float32(0), "high": np.float32(6)}
    model = model_of(nodes, [1, 900], [1, 900], **constants)
    image = reals(1, 900)
    expected = answers(model, image)
    clamp_codes(model.graph)
    np.testing.assert_array_equal(answers(model, image), expected)
    needless = zero_point == 0 and clamp == "Relu"
    assert kinds(model) == ["QuantizeLinear", *([] if needless else ["Clip"]), "DequantizeLinear"]


@pytest.mark.parametrize(("scale", "expected"), [(6 / 127, "Relu"), (0.04, "Relu"), (0.1, "Clip")])
def test_clip_becomes_relu_only_where_the_codes_end_first(scale, expected):
    nodes = [("Clip", ["image", "low", "high"], "clamped", {}), *quantized("clamped", "logits", "z")]
    constants = {"s": np.float32(scale), "z": np.int8(0), "low": np.float32(0), "high": np.float32(6)}
    model = model_of(nodes, [1, 900], [1, 900], **constants)
    image = reals(1, 900)
    before = answers(model, image)
    saturating_clips_to_relu(model.graph)
    assert kinds(model)[0] == expected
    np.testing.assert_array_equal(answers(model, image), before)


def test_float_biases_hold_the_codes_times_their_scales():
    nodes = [
        ("DequantizeLinear", ["codes", "scales", "zeros"], "bias", {"axis": 0}),
        ("Add", ["image", "bias"], "logits", {}),
    ]
    codes, scales = np.array([7, -900], np.int32), np.array([0.5, 0.001], np.float32)
    model = model_of(nodes, [1, 2], [1, 2], codes=codes, scales=scales, zeros=np.zeros(2, np.int32))
    image = reals(1, 2)
    expected = answers(model, image)
    float_biases(model.graph)
    drop_unused(model.graph)
    assert kinds(model) == ["Add"]
    np.testing.assert_array_equal(answers(model, image), expected)


@pytest.mark.parametrize("between", [True, False])
def test_fold_pads_moves_padding_into_the_convolution(between):
    nodes = [*quantized("image", "real", "z"), ("Pad", ["real", "amounts"], "padded", {})]
    nodes += quantized("padded", "again", "z") if between else []
    data = "again" if between else "padded"
    nodes.append(("Conv", [data, "w"], "logits", {"pads": [1, 0, 0, 1]}))
    amounts = np.array([0, 0, 0, 1, 0, 0, 2, 3])
    model = model_of(nodes, [1, 3, 8, 8], [1, 4, 9, 11], s=SCALE, z=np.int8(5), amounts=amounts, w=reals(4, 3, 3, 3))
    image = reals(1, 3, 8, 8)
    expected = answers(model, image)
    fold_pads(model.graph)
    assert kinds(model) == ["QuantizeLinear", "DequantizeLinear", "Conv"]
    np.testing.assert_allclose(answers(model, image), expected, rtol=1e-5, atol=1e-4)


def test_fold_pads_leaves_other_fillings_alone():
    nodes = [("Pad", ["image", "amounts", "one"], "padded", {}), ("Conv", ["padded", "w"], "logits", {})]
    constants = {"amounts": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "one": np.float32(1), "w": reals(4, 3, 3, 3)}
    model = model_of(nodes, [1, 3, 8, 8], [1, 4, 8, 8], **constants)
    fold_pads(model.graph)
    assert kinds(model) == ["Pad", "Conv"]


def test_fold_flatten_reorders_the_weights_instead_of_the_picture():
    nodes = [("Transpose", ["image"], "moved", {"perm": [0, 2, 3, 1]}), ("Reshape", ["moved", "flat"], "row", {})]
    nodes += [*quantized("row", "rounded", "z"), ("Gemm", ["rounded", "w", "b"], "logits", {})]
    constants = {"flat": np.array([-1, 60]), "w": reals(60, 7), "b": reals(7), "s": SCALE, "z": np.int8(0)}
    model = model_of(nodes, [2, 3, 4, 5], [2, 7], **constants)
    image = reals(2, 3, 4, 5)
    expected = answers(model, image)
    shapes = {"image": (2, 3, 4, 5)}
    fold_flatten(model.graph, shapes)
    assert "Transpose" not in kinds(model)
    np.testing.assert_allclose(answers(model, image), expected, rtol=1e-4, atol=1e-3)


def test_cast_picture_gives_the_same_numbers_without_dequantizing_uint8():
    nodes = [("DequantizeLinear", ["image", "s", "u"], "logits", {})]
    model = model_of(nodes, [1, 256], [1, 256], kind=UINT8, s=np.float32(1 / 128), u=np.uint8(128))
    image = np.arange(256, dtype=np.uint8)[np.newaxis]
    expected = answers(model, image)
    cast_picture(model.graph)
    assert kinds(model) == ["Cast", "Sub", "Mul"]
    np.testing.assert_array_equal(answers(model, image), expected)


def test_cast_picture_of_a_float_input_is_refused():
    model = model_of([("Relu", ["image"], "logits", {})], [1, 3], [1, 3])
    with pytest.raises(ConversionFailed, match="Relu"):
        cast_picture(model.graph)


def test_to_half_computes_in_float16_and_answers_in_float32():
    nodes = [("Cast", ["image"], "real", {"to": FLOAT}), ("Mul", ["real", "w"], "logits", {})]
    model = model_of(nodes, [1, 4], [1, 4], kind=UINT8, w=np.float32([0.1, 0.2, 0.3, 0.4]))
    to_half(model.graph)
    expected = np.float16([0.1, 0.2, 0.3, 0.4]) * np.float16([1, 2, 3, 200])
    logits = answers(model, np.array([[1, 2, 3, 200]], np.uint8))
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits[0], expected, rtol=1e-3)


def test_to_half_of_a_weight_beyond_its_range_is_refused():
    model = model_of([("Mul", ["image", "w"], "logits", {})], [1, 1], [1, 1], w=np.float32([1e6]))
    with pytest.raises(ConversionFailed, match="beyond float16"):
        to_half(model.graph)


def test_float_output_and_free_batch_open_the_model():
    nodes = [
        ("Reshape", ["image", "flat"], "row", {}),
        *quantized("row", "real", "z"),
        ("QuantizeLinear", ["real", "s", "u"], "logits", {}),
    ]
    constants = {"flat": np.array([1, 12]), "s": SCALE, "z": np.int8(0), "u": np.uint8(128)}
    model = model_of(nodes, [1, 3, 4], [1, 12], out_kind=UINT8, **constants)
    one = answers(model, np.ones((1, 3, 4), np.float32))
    float_output(model.graph)
    free_batch(model.graph)
    logits = answers(model, np.ones((5, 3, 4), np.float32))
    assert (logits.shape, logits.dtype) == ((5, 12), np.float32)
    np.testing.assert_allclose(logits[:1], (one.astype(np.float32) - 128) * SCALE, rtol=1e-6)
    assert shape_inference.infer_shapes(model).graph.output[0].type.tensor_type.shape.dim[0].dim_param == "batch"
