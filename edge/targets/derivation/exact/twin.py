"""The exact twin: an ONNX graph made from an int8 TFLite file, operator by operator."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto, helper

from edge.device.errors import ConversionFailed
from edge.targets.derivation.exact.codes import dequantize, quantize, relu, relu6
from edge.targets.derivation.exact.convolution import convolution, depthwise_convolution
from edge.targets.derivation.exact.dense import dense
from edge.targets.derivation.exact.elementwise import add, multiply
from edge.targets.derivation.exact.movement import concatenation, pad, reshape
from edge.targets.derivation.exact.network import Network
from edge.targets.derivation.exact.pooling import average_pool, max_pool, mean
from edge.targets.derivation.exact.tensors import refused
from edge.tflite import Graph, Operator, read_graph

OPSET, IR_VERSION = 17, 8
INPUT, OUTPUT, BATCH = "image", "logits", "batch"

OPERATORS: dict[str, Callable[[Network, Operator], None]] = {
    "ADD": add,
    "AVERAGE_POOL_2D": average_pool,
    "CONCATENATION": concatenation,
    "CONV_2D": convolution,
    "DEPTHWISE_CONV_2D": depthwise_convolution,
    "DEQUANTIZE": dequantize,
    "FULLY_CONNECTED": dense,
    "MAX_POOL_2D": max_pool,
    "MEAN": mean,
    "MUL": multiply,
    "PAD": pad,
    "QUANTIZE": quantize,
    "RELU": relu,
    "RELU6": relu6,
    "RESHAPE": reshape,
}


def exact_twin(file: Path) -> ModelProto:
    """An ONNX model whose every logit equals that of LiteRT's reference kernels (OpResolverType.BUILTIN_REF) on `file`.

    `file` is an int8 TFLite model, uint8 [1, h, w, c] in and [1, labels] out. The result takes "image", uint8 [batch,
    h, w, c], and gives "logits", float32 [batch, labels]: `scale * (code - zero_point)` where the file gives codes. It
    computes in float32 and float64 with whole numbers that both hold exactly (opset 17). A runtime must keep float64 as
    it is: ONNX Runtime's CPU provider does, OpenVINO need not. It is slower than `cpu_twin`, which equals LiteRT's
    default kernels instead. TFLite Micro does the same arithmetic, except for FULLY_CONNECTED (`float_product`).

    Arithmetic: https://ai.google.dev/edge/litert/models/quantization_spec and the sources in `fixed_point`.

    Raises BadModel where `file` is no TFLite model, ConversionFailed naming the operator that has no exact ONNX.
    """
    source = read_graph(file)
    _require_picture_and_scores(file, source)
    network = Network(source)
    _read_picture(network)
    for operator in source.operators:
        if operator.name not in OPERATORS:
            raise refused(operator, f"known are {', '.join(OPERATORS)}")
        OPERATORS[operator.name](network, operator)
    _write_scores(network)
    return _model(file, network)


def _require_picture_and_scores(file: Path, source: Graph) -> None:
    picture, scores = source.input, source.output
    if picture.dtype != "UINT8" or len(picture.scales) != 1 or len(picture.shape) != 4 or picture.shape[0] != 1:
        raise ConversionFailed(
            f"{file}: the input is {picture.dtype} {list(picture.shape)} with {len(picture.scales)} scales; expected "
            "quantized UINT8 [1, h, w, c]: convert the model to full int8"
        )
    if len(scores.shape) != 2 or scores.shape[0] != 1 or len(source.inputs) != 1 or len(source.outputs) != 1:
        raise ConversionFailed(
            f"{file}: {len(source.inputs)} inputs, {len(source.outputs)} outputs, the first {list(scores.shape)}; "
            "expected one input and one output of scores [1, labels]"
        )


def _read_picture(network: Network) -> None:
    tensor = network.source.input
    codes = network.node("Cast", INPUT, to=TensorProto.FLOAT)
    zero_point = network.constant(tensor.zero_points[0], np.float32)
    network.write(tensor.index, network.node("Sub", codes, zero_point))


def _write_scores(network: Network) -> None:
    tensor = network.source.output
    scores = network.read(tensor.index)
    scale = network.constant(tensor.scales[0] if tensor.dtype != "FLOAT32" else 1.0, np.float32)
    network.nodes.append(helper.make_node("Mul", [scores, scale], [OUTPUT], name=OUTPUT))


def _model(file: Path, network: Network) -> ModelProto:
    _, *picture = network.source.input.shape
    labels = network.source.output.shape[1]
    graph = helper.make_graph(
        network.nodes,
        file.stem,
        [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, [BATCH, *picture])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [BATCH, labels])],
        network.constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
