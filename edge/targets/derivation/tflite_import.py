"""TFLite to ONNX through tf2onnx, with the names, batch and output that every later pass expects."""

from pathlib import Path

import numpy as np
from onnx import GraphProto, ModelProto, TensorProto, checker, numpy_helper

from edge.device.errors import ConversionFailed, Unavailable
from edge.targets.derivation.dense_bias import keep_dense_biases
from edge.targets.derivation.graph import add_constant, constant, drop_unused, producer, rename
from edge.tflite import UNREADABLE, read_graph

OPSET = 17  # tf2onnx 1.17 refuses 19 and above; with 18 it leaves Transposes around reductions
INPUT, OUTPUT, BATCH = "image", "logits", "batch"

# What tf2onnx raises where it does not know an operator, or a damaged file leads it astray.
FAILURES = (*UNREADABLE, KeyError, RuntimeError, AssertionError, checker.ValidationError)


def import_tflite(file: Path, *, channels_first: bool, opset: int = OPSET, any_batch: bool = True) -> ModelProto:
    """An ONNX model with the arithmetic of the TFLite `file`: uint8 `image` [batch, ...] in, float32 `logits` out.

    The image is NCHW with `channels_first`, NHWC otherwise; its batch is free with `any_batch`, one otherwise. Integer
    tensors stand between QuantizeLinear and DequantizeLinear. Needs TensorFlow, which tf2onnx imports.

    Raises ConversionFailed where tf2onnx knows no ONNX for an operator, Unavailable where it is missing, BadModel where
    `file` is no TFLite model.
    """
    source = read_graph(file)
    try:
        import tf2onnx
    except ImportError:
        raise Unavailable("the package tf2onnx is missing; pip install tf2onnx tensorflow") from None
    keep_dense_biases()
    try:
        model, _ = tf2onnx.convert.from_tflite(
            str(file), opset=opset, inputs_as_nchw=[source.input.name] if channels_first else None
        )
        # Where an operator fails, tf2onnx only logs it and leaves a node without its inputs.
        checker.check_model(model)
    except FAILURES as error:
        raise ConversionFailed(f"{file}: tf2onnx cannot turn it into ONNX ({error}); use other layers") from error
    model.graph.name = file.stem
    name_input_and_output(model.graph)
    constants_to_initializers(model.graph)
    float_output(model.graph)
    if any_batch:
        free_batch(model.graph)
    drop_unused(model.graph)
    return model


def name_input_and_output(graph: GraphProto) -> None:
    """Call the input "image" and the output "logits", as the contract does."""
    rename(graph, graph.input[0].name, INPUT)
    rename(graph, graph.output[0].name, OUTPUT)


def constants_to_initializers(graph: GraphProto) -> None:
    """Constant nodes become initializers, so that a constant has one form."""
    for node in [each for each in graph.node if each.op_type == "Constant"]:
        add_constant(graph, node.output[0], numpy_helper.to_array(node.attribute[0].t))
        graph.node.remove(node)


def float_output(graph: GraphProto) -> None:
    """An output in integer codes becomes float32: the QuantizeLinear that made the codes goes.

    It stands for TFLite's QUANTIZE, from int8 codes of the same scale or, where the last layer stayed float, reals.
    """
    last = producer(graph, OUTPUT)
    if last is None or last.op_type != "QuantizeLinear":
        return
    real = last.input[0]
    graph.node.remove(last)
    rename(graph, real, OUTPUT)
    graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT


def free_batch(graph: GraphProto) -> None:
    """The first axis of input and output becomes `batch`, and reshapes keep it."""
    for value in (graph.input[0], graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = BATCH
    for node in [each for each in graph.node if each.op_type == "Reshape"]:
        shape = constant(graph, node.input[1])
        if shape is None:
            raise ConversionFailed(f"Reshape {node.name}: its shape is computed; expected a constant one")
        if shape[0] == 1 and -1 not in shape[1:]:
            node.input[1] = add_constant(graph, f"{node.output[0]}_shape", np.array([-1, *shape[1:]], np.int64))
