"""Layers of TFLite and ONNX files, and which of them compute the same."""

from dataclasses import replace
from pathlib import Path

from onnx import TensorProto, helper

from edge.onnx_file import read_onnx
from edge.tflite import read_graph
from pipeline.diagnosis.layers import Layer, keras_name
from pipeline.diagnosis.onnx_layers import onnx_layers
from pipeline.diagnosis.pairing import pair_layers
from pipeline.diagnosis.tflite_layers import tflite_layers


def _layers(file: Path) -> tuple[Layer, ...]:
    return onnx_layers(read_onnx(file)) if file.suffix == ".onnx" else tflite_layers(read_graph(file))


def test_int8_float_and_onnx_files_pair_layer_by_layer(material, finished_run: Path) -> None:
    reference = _layers(material.folder / "model.tflite")
    assert [each.kind for each in reference] == ["input", *["convolution"] * 4, "average", "dense"]
    for file in (material.float_file, material.folder / "model.fast.onnx", finished_run / "export/jetson/model.onnx"):
        pairing = pair_layers(reference, _layers(file))
        assert pairing.partner == {number: number for number in range(len(reference))}
        assert not pairing.alone_here
        assert not pairing.alone_there


def test_codes_of_layers_are_the_file_s_own(material) -> None:
    tflite, onnx = (_layers(material.folder / name) for name in ("model.tflite", "model.fast.onnx"))
    for here, there in zip(tflite, onnx, strict=True):
        assert here.codes is not None
        assert there.codes is not None
        assert here.codes.scale == there.codes.scale
        assert here.codes.reach == there.codes.reach


def _layer(number: int, kind: str, weights: int = 0, shape: tuple[int, ...] = (1, 4, 4, 8)) -> Layer:
    return Layer(number=number, kind=kind, name="", tensor=number, shape=shape, weights=weights, sources=(), codes=None)


def test_a_layer_that_only_one_file_has_is_left_alone() -> None:
    here = [_layer(0, "input"), _layer(1, "convolution", 72), _layer(2, "multiply"), _layer(3, "dense", 80)]
    there = [replace(each, number=at) for at, each in enumerate((here[0], here[1], here[3]))]
    pairing = pair_layers(here, there)
    assert pairing.partner == {0: 0, 1: 1, 3: 2}
    assert [each.kind for each in pairing.alone_here] == ["multiply"]
    assert pairing.alone_there == ()


def test_branches_in_another_order_are_paired_by_their_weights() -> None:
    here = [_layer(0, "input"), _layer(1, "convolution", 576), _layer(2, "convolution", 64), _layer(3, "add")]
    there = [here[0], replace(here[2], number=1), replace(here[1], number=2), here[3]]
    assert pair_layers(here, there).partner == {0: 0, 1: 2, 2: 1, 3: 3}


def test_shapes_of_either_order_of_axes_are_alike() -> None:
    first, last = _layer(1, "convolution", 9, (1, 8, 4, 2)), _layer(1, "convolution", 9, (1, 2, 8, 4))
    assert pair_layers([first], [last]).partner == {1: 1}


def test_relu_and_quantizer_belong_to_the_layer_before_them() -> None:
    nodes = [
        helper.make_node("Conv", ["image", "weights"], ["sums"]),
        helper.make_node("Relu", ["sums"], ["rectified"]),
        helper.make_node("QuantizeLinear", ["rectified", "scale", "zero"], ["codes"]),
        helper.make_node("DequantizeLinear", ["codes", "scale", "zero"], ["real"]),
        helper.make_node("GlobalAveragePool", ["real"], ["mean"]),
    ]
    constants = [
        helper.make_tensor("weights", TensorProto.FLOAT, (2, 3, 1, 1), [1.0] * 6),
        helper.make_tensor("scale", TensorProto.FLOAT, (), [0.5]),
        helper.make_tensor("zero", TensorProto.UINT8, (), [3]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, 4, 4))
    mean = helper.make_tensor_value_info("mean", TensorProto.FLOAT, (1, 2, 1, 1))
    graph = helper.make_graph(nodes, "network", [image], [mean], constants)
    _, convolution, average = onnx_layers(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))
    assert (convolution.tensor, convolution.weights, convolution.shape) == ("codes", 6, (1, 2, 4, 4))
    assert convolution.codes is not None
    assert convolution.codes.reach == (-1.5, 126.0)
    assert (average.sources, average.codes) == ((1,), None)


def test_the_keras_layer_is_found_in_a_fused_name() -> None:
    fused = "core/quant_re_lu/Relu;core/quant_batch_normalization/FusedBatchNormV3;core/quant_conv2d/Conv2D1"
    assert keras_name([fused], "convolution") == "conv2d"
    assert keras_name(["core/relu/Relu6;core/block/depthwise;core/block_pad/Pad"], "convolution") == "block"
    assert keras_name(["StatefulPartitionedCall:0", "core/logits/MatMul"], "dense") == "logits"
    assert keras_name(["core/re_lu_9/Relu;core/quant_add_3/add"], "add") == "add_3"
    assert keras_name(["StatefulPartitionedCall:0"], "dense") == ""
