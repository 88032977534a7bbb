"""Operator by operator: the documented limits, versions, and what stops the compiler."""

from dataclasses import replace

import numpy as np
import pytest

from edge.targets.coral.operators import judge
from edge.targets.coral.prediction import predict
from edge.tflite import Graph


@pytest.fixture
def ruling(single):
    """The ruling on the only operator of a graph."""

    def of(*arguments, **options):
        graph = single(*arguments, **options)
        return judge(graph, graph.operators[0])

    return of


@pytest.mark.parametrize("name", ["ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE"])
def test_judge_of_elementwise_operators_takes_them(name, ruling, tensor):
    assert ruling(name, [tensor(1, 8, 8, 4), tensor(1, 8, 8, 4)], tensor(1, 8, 8, 4)).supported


@pytest.mark.parametrize("name", ["LEAKY_RELU", "HARD_SWISH", "ARG_MAX", "SPLIT_V", "DIV", "GELU"])
def test_judge_of_an_operator_that_is_not_documented_leaves_it(name, ruling, tensor):
    assert ruling(name, [tensor(1, 8)], tensor(1, 8)).reason == "Operation not supported"


def test_judge_of_float_sixteen_bits_or_no_scale_leaves_the_operator(ruling, tensor):
    for wrong in (tensor(1, 8, dtype="FLOAT32"), tensor(1, 8, dtype="INT16"), tensor(1, 8, scales=0)):
        found = ruling("ADD", [wrong, tensor(1, 8)], tensor(1, 8))
        assert found.reason.startswith("Operation is working on an unsupported data type")


def test_judge_of_a_quantization_of_floats_has_the_compilers_own_status(ruling, tensor):
    found = ruling("QUANTIZE", [tensor(1, 8, dtype="FLOAT32")], tensor(1, 8))
    assert found.reason.startswith(
        "Operation is otherwise supported, but not mapped due to some unspecified limitation"
    )
    assert ruling("QUANTIZE", [tensor(1, 8, dtype="UINT8")], tensor(1, 8)).supported


def test_judge_of_an_lstm_allows_sixteen_bits_of_state(ruling, tensor):
    assert ruling(
        "UNIDIRECTIONAL_SEQUENCE_LSTM", [tensor(1, 28, 28), tensor(1, 20, dtype="INT16")], tensor(1, 28, 20)
    ).supported


@pytest.mark.parametrize(
    ("shape", "taken"),
    [((1, 8, 8, 4), True), ((2, 8, 8, 4), False), ((1, 1, 8, 8, 4), True), ((1, 8, 2, 2, 4), False), ((8, 8, 4), True)],
)
def test_judge_of_shapes_allows_three_innermost_dimensions(shape, taken, ruling, tensor):
    found = ruling("RELU", [tensor(*shape)], tensor(*shape))
    assert found.supported == taken
    assert taken or found.reason.startswith("Tensor has unsupported rank")


@pytest.mark.parametrize(
    ("dilation", "kernel", "taken"),
    [((1, 1), (3, 3), True), ((2, 2), (3, 3), True), ((1, 2), (3, 3), False), ((1, 2), (1, 3), True)],
)
@pytest.mark.parametrize("name", ["CONV_2D", "DEPTHWISE_CONV_2D"])
def test_judge_of_a_dilated_convolution(name, dilation, kernel, taken, ruling, tensor):
    shape = (4, *kernel, 4) if name == "CONV_2D" else (1, *kernel, 4)
    found = ruling(
        name,
        [tensor(1, 8, 8, 4), tensor(*shape, data=[1])],
        tensor(1, 8, 8, 4),
        dilationHFactor=dilation[0],
        dilationWFactor=dilation[1],
    )
    assert found.supported == taken


def test_judge_of_a_convolution_with_computed_weights_leaves_it(ruling, tensor):
    found = ruling("CONV_2D", [tensor(1, 8, 8, 4), tensor(1, 3, 3, 4)], tensor(1, 8, 8, 1))
    assert found.reason.startswith("Filter, bias, or other param is not constant at compile-time")


def test_judge_of_a_dense_layer_takes_one_row_of_the_default_format(ruling, tensor):
    weights = tensor(4, 8, data=[1])
    assert ruling("FULLY_CONNECTED", [tensor(1, 8), weights], tensor(1, 4)).supported
    assert not ruling("FULLY_CONNECTED", [tensor(2, 8), weights], tensor(2, 4)).supported
    assert not ruling("FULLY_CONNECTED", [tensor(1, 8), weights], tensor(1, 4), weightsFormat=1).supported


@pytest.mark.parametrize(
    ("shape", "taken"), [((1, 16384), True), ((1, 16385), False), ((2, 8), False), ((1, 1, 1, 8), True)]
)
def test_judge_of_a_softmax_takes_one_row_of_16384(shape, taken, ruling, tensor):
    assert ruling("SOFTMAX", [tensor(*shape)], tensor(*shape)).supported == taken


@pytest.mark.parametrize(
    ("shape", "axes", "taken", "doubted"),
    [
        ((1, 7, 7, 8), [1, 2], True, False),
        ((1, 7, 7, 8), [-2, -3], True, False),
        ((1, 7, 7, 8), [3], True, False),
        ((1, 7, 7, 6), [3], False, False),
        ((1, 7, 7, 8), [0, 1], False, False),
        ((1, 256, 128, 3), [1, 2], False, False),
        ((1, 128, 128, 3), [1, 2], True, True),
        ((1, 8), [1], True, False),
    ],
)
def test_judge_of_a_mean(shape, axes, taken, doubted, ruling, tensor):
    found = ruling("MEAN", [tensor(*shape), _integers(tensor, axes)], tensor(*shape))
    assert (found.supported, bool(found.doubt)) == (taken, doubted)


@pytest.mark.parametrize(
    ("before", "after", "taken", "doubted"),
    [
        ((1, 8, 8, 4), (1, 8, 8, 4), True, False),
        ((1, 8, 8, 4), (1, 16, 16, 4), True, False),
        ((1, 8, 8, 4), (1, 16, 40, 4), True, True),
        ((1, 8, 8, 4), (1, 80, 80, 4), False, True),
        ((1, 1, 1, 4), (1, 33, 33, 4), False, False),
        ((1, 256, 256, 32), (1, 512, 512, 32), False, False),
    ],
)
@pytest.mark.parametrize("name", ["RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"])
def test_judge_of_an_enlargement(name, before, after, taken, doubted, ruling, tensor):
    found = ruling(name, [tensor(*before), _integers(tensor, after[1:3])], tensor(*after))
    assert (found.supported, bool(found.doubt)) == (taken, doubted)


@pytest.mark.parametrize(("count", "value", "taken"), [(1, 0, True), (1, 5, False), (2, 0, False)])
def test_judge_of_a_concatenation_with_a_constant_takes_one_of_zeros(count, value, taken, ruling, tensor):
    constant = tensor(1, 4, data=np.full(4, value, np.int8))
    found = ruling("CONCATENATION", [tensor(1, 4), *[constant] * count], tensor(1, 8))
    assert found.supported == taken


@pytest.mark.parametrize("name", ["AVERAGE_POOL_2D", "MAX_POOL_2D", "CONCATENATION"])
def test_judge_of_a_fused_activation_leaves_the_operator(name, ruling, tensor):
    found = ruling(name, [tensor(1, 8, 8, 4)], tensor(1, 4, 4, 4), fusedActivationFunction=1)
    assert "fused activation" in found.reason


def test_judge_of_padding_leaves_the_batch_and_long_integers(ruling, tensor):
    picture = tensor(1, 8, 8, 4)
    assert ruling("PAD", [picture, _integers(tensor, [0, 0, 1, 1, 1, 1, 0, 0])], picture).supported
    assert not ruling("PAD", [picture, _integers(tensor, [1, 0, 1, 1, 1, 1, 0, 0])], picture).supported
    assert not ruling("PAD", [picture, _integers(tensor, [0] * 8, "INT64")], picture).supported


def test_judge_of_a_slice_with_strides_or_masks_leaves_it(ruling, tensor):
    def sliced(stride, **masks):
        places = [_integers(tensor, values) for values in ([0, 0], [1, 4], [1, stride])]
        return ruling("STRIDED_SLICE", [tensor(1, 8), *places], tensor(1, 4), **masks).supported

    assert sliced(1)
    assert not sliced(2)
    assert not sliced(1, ellipsisMask=1)
    assert not sliced(1, newAxisMask=1)


def test_judge_of_splitting_and_packing_leaves_the_batch(ruling, tensor):
    picture = tensor(1, 8, 8, 4)
    assert ruling("SPLIT", [_integers(tensor, [3]), picture], tensor(1, 8, 8, 2)).supported
    assert not ruling("SPLIT", [_integers(tensor, [0]), picture], picture).supported
    assert ruling("PACK", [tensor(1, 8, 4)] * 2, tensor(1, 8, 4, 2), axis=3).supported
    assert not ruling("PACK", [tensor(8, 8, 4)], picture, axis=0).supported


def test_judge_of_slopes_takes_one_for_each_channel(ruling, tensor):
    picture = tensor(1, 8, 8, 4)
    assert ruling("PRELU", [picture, tensor(1, 1, 4, data=[1])], picture).supported
    assert not ruling("PRELU", [picture, tensor(8, 8, 4, data=[1])], picture).supported


def test_judge_of_tile_and_transpose_doubts(ruling, tensor):
    spread = [tensor(1, 1, 1, 8, dtype="UINT8"), _integers(tensor, [1, 4, 4, 1])]
    picture = tensor(1, 4, 4, 8, dtype="UINT8")
    assert ruling("TILE", spread, picture).supported
    assert not ruling("TILE", spread, picture).doubt
    assert ruling("TILE", spread, picture, version=3).doubt
    assert ruling("TRANSPOSE", [picture, _integers(tensor, [0, 3, 1, 2])], picture).doubt


@pytest.mark.parametrize(
    ("name", "version", "words"),
    [
        ("CONV_2D", 6, "'CONV_2D' version '6'"),
        ("TRANSPOSE_CONV", 4, "'TRANSPOSE_CONV' version '4'"),
        ("QUANTIZE", 3, "'QUANTIZE' version '3'"),
        ("EXP", 2, "'EXP' version '2'"),
        ("CUSTOM:Mine", 1, "Encountered unresolved custom op"),
        ("CUSTOM:edgetpu-custom-op", 1, "is compiled already"),
    ],
)
def test_predict_of_an_operator_that_stops_the_compiler_refuses_the_file(name, version, words, single, tensor):
    prediction = predict(_beside_a_relu(single(name, [tensor(1, 8)], tensor(1, 8), version=version)))
    assert [each.placement for each in prediction.operators] == ["refused", "cpu"]
    assert words in prediction.operators[0].reason
    assert prediction.mapped == frozenset()
    assert "refused" in {finding.severity for finding in prediction.findings}


def test_predict_of_an_unreadable_version_says_nothing_else_of_it_or_of_the_others(single, tensor):
    prediction = predict(_beside_a_relu(single("EXP", [tensor(1, 8)], tensor(1, 8), version=2)))
    assert [finding.severity for finding in prediction.findings] == ["refused"]
    assert prediction.operators[1].reason == "the compiler stops at the whole file"


def test_predict_of_operators_behind_a_left_one_in_a_stopped_file_says_that_the_compiler_stops(single, tensor):
    graph = _beside_a_relu(single("CUSTOM:Mine", [tensor(1, 8)], tensor(1, 8)))
    behind = replace(graph.operators[1], index=2, inputs=graph.operators[0].outputs, outputs=(3,))
    graph = replace(graph, tensors=(*graph.tensors, tensor(1, 8, index=3)), operators=(*graph.operators, behind))
    assert {each.reason for each in predict(graph).operators[1:]} == {"the compiler stops at the whole file"}


def test_predict_of_an_operator_younger_than_the_compiler_refuses_the_file(single, tensor):
    prediction = predict(single("GELU", [tensor(1, 8)], tensor(1, 8), code=150))
    assert "Op builtin_code out of range: 150" in prediction.operators[0].reason


@pytest.mark.parametrize("name", ["CUSTOM:PosenetDecoderOp", "CUSTOM:TFLite_Detection_PostProcess"])
def test_predict_of_googles_own_custom_operators_leaves_them_on_the_cpu(name, single, tensor):
    prediction = predict(_beside_a_relu(single(name, [tensor(1, 8)], tensor(1, 8, dtype="FLOAT32"))))
    assert [each.placement for each in prediction.operators] == ["cpu", "accelerator"]


def test_predict_of_an_unknown_version_is_uncertain(single, tensor):
    prediction = predict(single("ADD", [tensor(1, 8), tensor(1, 8)], tensor(1, 8), version=5))
    assert prediction.operators[0].placement == "uncertain"
    assert {finding.severity for finding in prediction.findings} == {"uncertain"}


def test_predict_of_an_unknown_version_on_the_cpu_says_cpu_and_that_the_file_may_be_refused(single, tensor):
    prediction = predict(_beside_a_relu(single("LEAKY_RELU", [tensor(1, 8)], tensor(1, 8), version=3)))
    assert prediction.operators[0].placement == "cpu"
    assert "uncertain" in {finding.severity for finding in prediction.findings}


def test_predict_of_external_weights_refuses_the_file(single, tensor):
    graph = single("CONV_2D", [tensor(1, 8, 8, 4), tensor(4, 1, 1, 4, external=True)], tensor(1, 8, 8, 4))
    (refusal, *_) = predict(graph).findings
    assert (refusal.severity, refusal.operator) == ("refused", "buffers")


def test_predict_of_a_model_of_which_nothing_maps_says_why(single, tensor):
    (finding,) = predict(single("LEAKY_RELU", [tensor(1, 8)], tensor(1, 8))).findings
    assert finding.severity == "refused"
    assert "no operator runs on the Edge TPU: 1 times Operation not supported" in finding.reason


def test_predict_of_an_operator_whose_result_nobody_reads_says_that_it_is_dropped(single, tensor):
    graph = _beside_a_relu(single("LEAKY_RELU", [tensor(1, 8)], tensor(1, 8)))
    dropped, kept = predict(replace(graph, outputs=graph.operators[1].outputs)).operators
    assert (dropped.placement, kept.placement) == ("accelerator", "accelerator")
    assert "drops it" in dropped.reason


def test_predict_of_results_beyond_what_was_seen_is_uncertain(single, tensor):
    large = tensor(1, 2048, 2048, 4)
    (finding,) = predict(single("RELU", [large], large)).findings
    assert (finding.severity, finding.operator) == ("uncertain", "activations")


def _integers(tensor, values, dtype="INT32"):
    return tensor(len(values), dtype=dtype, data=np.array(values, dtype.lower()), scales=0)


def _beside_a_relu(graph: Graph) -> Graph:
    """The same graph with a RELU that reads its input and writes an output of its own."""
    data = replace(graph.tensors[0], index=len(graph.tensors))
    operator = replace(
        graph.operators[0], index=1, name="RELU", code=0, version=1, inputs=graph.inputs[:1], outputs=(data.index,)
    )
    return replace(
        graph,
        tensors=(*graph.tensors, data),
        operators=(*graph.operators, operator),
        outputs=(*graph.outputs, data.index),
    )
