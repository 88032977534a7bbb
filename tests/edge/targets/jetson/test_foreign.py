"""Models that are not ours: made here operator by operator, and ONNX's own test models; damaged ones."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge.boards import find_board
from edge.device.errors import BadModel
from edge.onnx_file import read_onnx
from edge.targets import jetson
from edge.targets.jetson.abilities import check_memory
from edge.targets.jetson.checking import verdict_on
from edge.targets.jetson.network import network_of
from edge.targets.jetson.parser import ask_parser
from edge.targets.jetson.releases import all_releases
from edge.targets.jetson.rules import check_onnx

FLOAT = TensorProto.FLOAT


def model_of(*nodes, inputs, output, shape=("n", "c", "h", "w"), opset=17, **constants):
    """A model of (operator, inputs, output, attributes); inputs are name: (type, shape)."""
    graph = helper.make_graph(
        [helper.make_node(kind, read, [made], name=made, **rest) for kind, read, made, rest in nodes],
        "foreign",
        [helper.make_tensor_value_info(name, *rest) for name, rest in inputs.items()],
        [helper.make_tensor_value_info(output, FLOAT, shape)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def saved(model, folder, name="model.onnx") -> Path:
    (folder / name).write_bytes(model.SerializeToString())
    return folder / name


def convolution(kernel=3, **attributes):
    weights = np.zeros((8, 4, kernel, kernel), np.float32)
    shape = {"x": (FLOAT, [1, 4, 64, 64])}
    return model_of(("Conv", ["x", "w"], "y", attributes), inputs=shape, output="y", w=weights)


def quantized(scale, zero_point, **attributes):
    nodes = [
        ("QuantizeLinear", ["x", "s", "z"], "q", attributes),
        ("DequantizeLinear", ["q", "s", "z"], "y", attributes),
    ]
    return model_of(*nodes, inputs={"x": (FLOAT, [1, 4, 8, 8])}, output="y", s=scale, z=zero_point)


def test_a_model_of_two_inputs_is_placed_and_measured(tmp_path):
    inputs = {"a": (FLOAT, ["n", 16]), "b": (FLOAT, ["n", 16])}
    nodes = [("Add", ["a", "b"], "sum", {}), ("MatMul", ["sum", "w"], "y", {})]
    model = model_of(*nodes, inputs=inputs, output="y", shape=["n", 10], w=np.zeros((16, 10), np.float32))
    verdict = jetson.check(saved(model, tmp_path), None)
    assert (verdict.fits, verdict.mapped_count) == ("yes", 2)
    assert verdict.estimates == {"weight_bytes": 640, "activation_bytes": 4 * 16 + 4 * 10, "macs": 160}


def test_an_operator_that_no_release_has_is_refused(tmp_path):
    model = model_of(("Det", ["x"], "y", {}), inputs={"x": (FLOAT, [2, 3, 3])}, output="y", shape=["n"])
    verdict = jetson.check(saved(model, tmp_path), None)
    assert verdict.operators[0].placement == "refused"
    assert verdict.fits == "no"


def test_an_operator_that_some_releases_have_names_them(tmp_path):
    model = model_of(("Mish", ["x"], "y", {}), inputs={"x": (FLOAT, [1, 4])}, output="y", shape=[1, 4], opset=18)
    verdict = jetson.check(saved(model, tmp_path), None)
    assert verdict.operators[0].placement == "uncertain"
    assert "TensorRT 8.6:" in verdict.operators[0].reason
    assert "opset: TensorRT 8.6: 18 is outside 7 to 17" in "; ".join(map(str, verdict.findings))


@pytest.mark.parametrize(("board", "fits"), [("xavier-nx", "no"), ("orin-nano", "yes"), ("agx-thor", "yes")])
def test_a_board_decides_the_release(board, fits, tmp_path):
    node = ("GroupNormalization", ["x", "s", "b"], "y", {"num_groups": 2})
    ones = np.ones(4, np.float32)
    model = model_of(node, inputs={"x": (FLOAT, [1, 4, 8, 8])}, output="y", opset=21, s=ones, b=ones)
    assert jetson.check(saved(model, tmp_path), find_board("jetson", board)).fits == fits


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (quantized(np.float32(0), np.int8(0)), "not positive"),
        (quantized(np.float32("nan"), np.int8(0)), "not positive and finite"),
        (quantized(np.float32(0.1), np.int8(3)), "zero point 3"),
        (quantized(np.float32(0.1), np.uint8(0)), "codes of uint8"),
        (quantized(np.full(4, 0.1, np.float32), np.zeros(4, np.int8), axis=1), "per-channel scales of an activation"),
    ],
)
def test_quantizers_that_tensorrt_does_not_take_are_refused(model, words, tmp_path):
    assert words in "; ".join(jetson.check(saved(model, tmp_path), None).refusals)


def test_an_operator_that_a_finding_refuses_is_not_placed_on_the_gpu():
    verdict = verdict_on(quantized(np.float32(0.1), np.int8(3)), find_board("jetson", "agx-orin"))
    assert [(each.placement, each.reason) for each in verdict.operators] == [("refused", "zero point 3")] * 2
    assert (verdict.fits, verdict.mapped_count) == ("no", 0)


def test_a_tflite_file_of_uint8_activations_is_refused_with_the_reason(shared):
    model = shared / "edgetpu" / "models" / "mobilenet_v1_0.25_128_quant.tflite"
    verdict = jetson.check(model, None)
    assert verdict.fits == "no"
    assert "activations: are uint8" in verdict.refusals[0]
    assert "convert the network again to int8" in verdict.refusals[0]


def test_quantizers_without_a_zero_point_are_uncertain():
    model = quantized(np.float32(0.1), np.int8(0))
    for node in model.graph.node:
        del node.input[2]
    assert {each.placement for each in verdict_on(model, None).operators} == {"uncertain"}
    found = check_onnx(model)
    assert [(each.severity, each.operator) for each in found] == [
        ("uncertain", "QuantizeLinear q"),
        ("uncertain", "DequantizeLinear y"),
    ]
    assert all("no zero point" in each.reason for each in found)


def test_q_dq_between_convolution_and_relu_is_warned_of():
    weights, scale, zero = np.zeros((4, 4, 1, 1), np.int8), np.float32(0.1), np.int8(0)
    nodes = [
        ("QuantizeLinear", ["x", "s", "z"], "xq", {}),
        ("DequantizeLinear", ["xq", "s", "z"], "xd", {}),
        ("DequantizeLinear", ["w", "s", "z"], "wd", {}),
        ("Conv", ["xd", "wd"], "c", {}),
        ("QuantizeLinear", ["c", "s", "z"], "cq", {}),
        ("DequantizeLinear", ["cq", "s", "z"], "cd", {}),
        ("Relu", ["cd"], "y", {}),
    ]
    model = model_of(*nodes, inputs={"x": (FLOAT, [1, 4, 8, 8])}, output="y", w=weights, s=scale, z=zero)
    assert [(each.severity, each.operator) for each in check_onnx(model)] == [("warning", "Conv c")]


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (convolution(kernel=33), "kernel_shape of 33"),
        (convolution(strides=[9, 9]), "strides of 9"),
        (convolution(dilations=[33, 33], pads=[31] * 4), "dilations of 33"),
        (model_of(("Exp", ["x"], "y", {}), inputs={"x": (FLOAT, [1, 4, 8, 8])}, output="y"), "the DLA has no Exp"),
        (quantized(np.float32(0.1), np.int8(0)), "explicit quantization"),
        (
            model_of(("Relu", ["x"], "y", {}), inputs={"x": (FLOAT, [1, 4, "h", 8])}, output="y"),
            "no shape that is free",
        ),
    ],
)
def test_what_the_dla_lacks_runs_on_the_gpu(model, words):
    verdict = verdict_on(model, find_board("jetson", "agx-orin"))
    assert verdict.operators[0].placement == "accelerator"
    assert f"runs on the GPU, not the DLA: {words}" in verdict.operators[0].reason.replace("it takes ", "")


def test_softmax_is_on_the_dla_of_orin_but_not_of_xavier():
    model = model_of(("Softmax", ["x"], "y", {}), inputs={"x": (FLOAT, [1, 8, 4, 4])}, output="y")
    assert verdict_on(model, find_board("jetson", "orin-nx")).operators[0].reason == ""
    assert "Xavier's DLA" in verdict_on(model, find_board("jetson", "agx-xavier")).operators[0].reason
    assert verdict_on(model, find_board("jetson", "agx-thor")).operators[0].reason == ""


@pytest.mark.parametrize(
    "held",
    [{"value_float": 0.1}, {"value_floats": [0.1]}, {"value": numpy_helper.from_array(np.float32(0.1))}],
)
def test_a_scale_of_a_constant_node_is_constant_in_any_attribute(held):
    model = quantized(np.float32(0.1), np.int8(0))
    del model.graph.initializer[0]
    model.graph.node.insert(0, helper.make_node("Constant", [], ["s"], **held))
    assert check_onnx(model) == []


@pytest.mark.parametrize("held", [{"value_int": 3}, {"value_ints": [3, 4]}])
def test_integers_of_a_constant_node_are_read(held):
    node = ("Constant", [], "y", held)
    network = network_of(model_of(node, inputs={}, output="y"))
    np.testing.assert_array_equal(network.value("y"), next(iter(held.values())))


@pytest.mark.parametrize(
    ("weights", "activations", "severity", "words"),
    [
        (2**50, 0, "refused", "weights take"),
        (2**20, 2**50, "uncertain", "an upper bound"),
    ],
)
def test_memory_refuses_weights_and_doubts_activations(weights, activations, severity, words):
    estimates = {"weight_bytes": weights, "activation_bytes": activations}
    (finding,) = check_memory(estimates, find_board("jetson", "nano"))
    assert finding.severity == severity
    assert words in finding.reason


def one(kind, read=("x",), opset=18, shape=(1, 4, 8, 8), fed=None, constants=None, **attributes):
    """A model of one operator that reads x, and tensors that the caller feeds or that are constant."""
    inputs = {"x": (FLOAT, shape), **(fed or {})}
    node = (kind, list(read), "y", attributes)
    return model_of(node, inputs=inputs, output="y", opset=opset, **(constants or {}))


TWICE = {"constants": {"s": np.ones(4, np.float32)}, "read": ("x", "", "s")}
AXES = {"a": (TensorProto.INT64, [1])}
RECURRENT = {"read": ("x", "w", "r"), "direction": "bidirectional", "shape": (5, 1, 4), "hidden_size": 4}


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (one("Resize", **TWICE, mode="cubic"), "nearest or linear"),
        (one("Resize", **TWICE, coordinate_transformation_mode="tf_crop_and_resize"), "align_corners"),
        (one("Resize", **TWICE, mode="linear", antialias=1), "no antialiasing"),
        (one("TopK", read=("x", "k"), constants={"k": np.array([2])}, sorted=0), "`sorted` must be 1"),
        (one("TopK", read=("x", "k"), constants={"k": np.array([4000])}), "`K` below 3840"),
        (one("ScatterND", read=("x", "i", "u"), reduction="add"), "`reduction`"),
        (one("ReduceMean", read=("x", "a"), fed=AXES), "`axes` must be an initializer"),
        (one("GridSample", read=("x", "g"), shape=(1, 4, 8, 8, 8), opset=20), "4D input only"),
        (one("RNN", **RECURRENT, activations=["Tanh", "Relu"]), "same for both"),
        (one("GRU", **RECURRENT, activations=["Sigmoid", "Tanh", "Sigmoid", "Relu"]), "same for both"),
    ],
)
def test_what_the_table_restricts_is_uncertain_where_it_is_used(model, words):
    (operator,) = verdict_on(model, find_board("jetson", "agx-thor")).operators
    assert operator.placement == "uncertain"
    assert words in operator.reason


@pytest.mark.parametrize(
    "model",
    [
        one("Resize", **TWICE, mode="nearest"),
        one("Resize", **TWICE, mode="linear", coordinate_transformation_mode="align_corners"),
        one("TopK", read=("x", "k"), constants={"k": np.array([2])}),
        one("ReduceMean", read=("x", "a"), constants={"a": np.array([2, 3])}),
        one("ReduceMean", opset=17, axes=[2, 3]),
        one("GridSample", read=("x", "g"), opset=20),
        one("RNN", **RECURRENT, activations=["Tanh", "Tanh"]),
    ],
)
@pytest.mark.parametrize("board", ["agx-thor", "orin-nano"])
def test_what_keeps_within_the_tables_restrictions_is_on_the_gpu(model, board):
    assert verdict_on(model, find_board("jetson", board)).operators[0].placement == "accelerator"


def test_int8_on_a_board_without_it_is_refused():
    refusals = verdict_on(quantized(np.float32(0.1), np.int8(0)), find_board("jetson", "nano")).refusals
    assert "does not compute in int8" in "; ".join(refusals)


def test_tables_tell_their_source_and_never_contradict_themselves():
    for release in all_releases():
        assert release.source.startswith("https://")
        assert not release.unsupported & set(release.types)
        assert set(release.restrictions) <= set(release.types)


def test_every_test_model_of_onnx_gets_a_verdict_that_nvidias_parser_does_not_contradict():
    models = sorted((Path(onnx.__file__).parent / "backend" / "test" / "data").rglob("*.onnx"))
    newest = [release for release in all_releases() if release.version == "11.x"]
    assert len(models) > 100
    for path in models:
        model = read_onnx(path)
        verdict = verdict_on(model, None)
        assert len(verdict.operators) == len(model.graph.node)
        said = [finding for finding in verdict.findings if "parses it" in finding.reason]
        refused = [each for each in check_onnx(model, newest) if each.severity == "refused"]
        assert not (said and refused), path  # nothing is refused that the parser takes, where it can be asked


def test_the_parser_of_tensorrt_rtx_refuses_what_the_rules_refuse():
    pytest.importorskip("tensorrt_rtx", reason="needs NVIDIA's wheels: pip install tensorrt-rtx")
    (finding,) = ask_parser(quantized(np.float32(0.1), np.int8(3)))
    assert finding.severity == "uncertain"
    assert finding.reason.startswith("TensorRT-RTX")
    (finding,) = ask_parser(quantized(np.float32(0.1), np.int8(0)))
    assert finding.severity == "note"


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "no ONNX model"), (b"no model at all", "no"), (b"\x08\x08", "a graph of operators")],
)
def test_bytes_that_are_no_onnx_model_are_refused(content, words, tmp_path):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(BadModel, match=words):
        jetson.check(tmp_path / "model.onnx", None)


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/passwd", "absent.bin", ""])
def test_external_weights_outside_the_models_folder_are_refused(location, tmp_path):
    model = convolution()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    (tmp_path / "weights.bin").write_bytes(bytes(10_000))
    (tmp_path / "inner").mkdir()
    with pytest.raises(BadModel, match="in the model's own folder"):
        jetson.check(saved(model, tmp_path / "inner"), None)


def test_damaged_files_give_an_error_or_a_verdict(tmp_path):
    content = quantized(np.float32(0.1), np.int8(0)).SerializeToString() + convolution().SerializeToString()
    random = np.random.default_rng(0)
    verdicts = 0
    for attempt in range(400):
        damaged = bytearray(content[: random.integers(1, len(content))] if attempt % 2 else content)
        for at in random.integers(0, len(damaged), random.integers(1, 6)):
            damaged[at] = random.integers(0, 256)
        (tmp_path / "model.onnx").write_bytes(damaged)
        try:
            jetson.check(tmp_path / "model.onnx", find_board("jetson", "agx-orin" if attempt % 3 else None))
        except BadModel:
            continue
        verdicts += 1
    assert verdicts > 20  # otherwise only the reader was tested


def test_cycles_and_missing_inputs_get_a_verdict():
    nodes = [("Add", ["x", "b"], "a", {}), ("Relu", ["a"], "b", {}), ("Conv", ["b"], "c", {}), ("Relu", ["c"], "c", {})]
    model = model_of(*nodes, inputs={"x": (FLOAT, [1, 4, 8, 8])}, output="c")
    model.graph.node.add(op_type="DequantizeLinear")
    model.graph.initializer.add(name="huge", data_type=FLOAT, dims=[2**40, 2**40])
    assert verdict_on(model, None).fits != "yes"
