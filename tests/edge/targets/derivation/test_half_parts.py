"""Float parts of a quantized network in float16: near the float32 answers, and float16 only where it must be."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, checker, helper, numpy_helper

from edge.device.errors import ConversionFailed
from edge.targets.derivation.half import halve_float_parts

RANDOM = np.random.default_rng(0)
SCALE, ZERO = np.float32(0.05), np.int8(0)


@pytest.fixture
def mixed():
    """Q, DQ, a float convolution with Relu and a residual Add, Q, DQ, a quantized convolution."""
    weights = RANDOM.normal(0, 0.3, (4, 4, 1, 1)).astype(np.float32)
    constants = {"w": weights, "b": np.ones(4, np.float32), "s": SCALE, "z": ZERO, "q": np.int8(weights * 100)}
    nodes = [
        ("QuantizeLinear", ["image", "s", "z"], "xq"), ("DequantizeLinear", ["xq", "s", "z"], "x"),
        ("Conv", ["x", "w", "b"], "c"), ("Relu", ["c"], "r"), ("Add", ["r", "x"], "a"),
        ("QuantizeLinear", ["a", "s", "z"], "aq"), ("DequantizeLinear", ["aq", "s", "z"], "ad"),
        ("DequantizeLinear", ["q", "s", "z"], "wd"), ("Conv", ["ad", "wd"], "logits"),
    ]  # fmt: skip
    shapes = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4, 6, 6]) for name in ("image", "logits")]
    graph = helper.make_graph(
        [helper.make_node(kind, read, [made], name=made) for kind, read, made in nodes],
        "mixed",
        shapes[:1],
        shapes[1:],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def answers(model, picture):
    checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"image": picture})[0]


def test_float_layers_compute_in_float16_and_answer_alike(mixed):
    picture = RANDOM.normal(0, 1, (1, 4, 6, 6)).astype(np.float32)
    before = answers(mixed, picture)
    halve_float_parts(mixed.graph)
    after = answers(mixed, picture)
    kinds = {tensor.name: tensor.data_type for tensor in mixed.graph.initializer}
    assert kinds["w_half"] == kinds["b_half"] == TensorProto.FLOAT16
    assert kinds["q"] == TensorProto.INT8
    # One code of the quantized sum may round the other way: a step times the largest weight.
    np.testing.assert_allclose(after, before, atol=4 * float(SCALE) * 5)
    assert np.isclose(after, before, atol=1e-5).mean() > 0.8


def test_a_network_without_float_weights_is_left_as_it_is(mixed):
    del mixed.graph.node[2:5]
    mixed.graph.node[2].input[0] = "x"
    before = mixed.SerializeToString()
    halve_float_parts(mixed.graph)
    assert mixed.SerializeToString() == before


def test_a_float_weight_beyond_float16_is_refused(mixed):
    tensor = next(each for each in mixed.graph.initializer if each.name == "b")
    tensor.CopyFrom(numpy_helper.from_array(np.full(4, 1e6, np.float32), "b"))
    with pytest.raises(ConversionFailed, match="beyond float16"):
        halve_float_parts(mixed.graph)
