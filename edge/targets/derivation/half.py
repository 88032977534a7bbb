"""A network, or its layers that are not quantized, in float16, with float32 logits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from edge.device.errors import ConversionFailed
from edge.targets.derivation.graph import add_constant, constant, consumers, insert_before, producer, rename
from edge.targets.derivation.tflite_import import OUTPUT

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
BORDERS = ("QuantizeLinear", "DequantizeLinear", "Cast")  # a float16 part ends here


def to_half(graph: GraphProto) -> None:
    """Weights and arithmetic in float16, from the Cast of the bytes to the logits.

    TensorRT 11 takes a network's types as they stand (strong typing; `--fp16` is gone), and TensorRT 10 takes the same
    file with `--stronglyTyped`: a float32 graph would run in float32.

    Raises ConversionFailed where a weight does not fit float16.
    """
    for each in graph.initializer:
        if each.data_type == TensorProto.FLOAT:
            each.CopyFrom(numpy_helper.from_array(_half(each.name, numpy_helper.to_array(each)), each.name))
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16
    rename(graph, OUTPUT, f"{OUTPUT}_half")
    graph.output[0].name = OUTPUT
    graph.node.append(
        helper.make_node("Cast", [f"{OUTPUT}_half"], [OUTPUT], to=TensorProto.FLOAT, name=f"{OUTPUT}_cast")
    )


def halve_float_parts(graph: GraphProto) -> None:
    """In a quantized network, layers with float weights compute in float16, and so does what they pass floats to.

    Each such part ends at QuantizeLinear, DequantizeLinear and Cast; a Cast leads into it and out of it, which TensorRT
    fuses with the quantizers. A network without float weights is left as it is.

    Raises ConversionFailed where a weight does not fit float16.
    """
    part = _float_part(graph)
    names = {name for node in part for name in node.input if name}
    made = {name for node in part for name in node.output}
    for name in sorted(names - made):
        value = constant(graph, name)
        if value is None:
            inside, cast = _cast(name, TensorProto.FLOAT16)
            insert_before(graph, next(node for node in graph.node if node in part and name in node.input), cast)
        elif value.dtype == np.float32:
            inside = add_constant(graph, f"{name}_half", _half(name, value))
        else:
            continue
        for node in part:
            node.input[:] = [inside if each == name else each for each in node.input]
    results = {value.name for value in graph.output}
    for name in sorted(made):
        if name in results or any(node not in part for node in consumers(graph, name)):
            _leave(graph, name, part)


def _float_part(graph: GraphProto) -> list[NodeProto]:
    """The nodes with float weights and all that they are joined to by floats."""
    part: list[NodeProto] = []
    waiting = [node for node in graph.node if node.op_type in WEIGHTED and _weight_is_float(graph, node)]
    while waiting:
        node = waiting.pop()
        if node in part or node.op_type in BORDERS:
            continue
        part.append(node)
        makers = (producer(graph, name) for name in node.input if constant(graph, name) is None)
        waiting += [maker for maker in makers if maker is not None]
        waiting += [reader for name in node.output for reader in consumers(graph, name)]
    return part


def _weight_is_float(graph: GraphProto, node: NodeProto) -> bool:
    weights = constant(graph, node.input[1])
    return weights is not None and weights.dtype == np.float32


def _leave(graph: GraphProto, name: str, part: list[NodeProto]) -> None:
    """The tensor `name`, which a float16 part makes, in float32 for the nodes outside it and for the caller."""
    maker = producer(graph, name)
    if maker is None:
        return
    half = f"{name}_half"
    for node in part:
        node.output[:] = [half if each == name else each for each in node.output]
        node.input[:] = [half if each == name else each for each in node.input]
    cast = helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT, name=f"{name}_cast")
    at = list(graph.node).index(maker) + 1
    graph.node.insert(at, cast)


def _cast(name: str, to: int) -> tuple[str, NodeProto]:
    return f"{name}_half", helper.make_node("Cast", [name], [f"{name}_half"], to=to, name=f"{name}_to_half")


def _half(name: str, value: NDArray[Any]) -> NDArray[np.float16]:
    if np.abs(value).max(initial=0) > np.finfo(np.float16).max:
        raise ConversionFailed(f"{name}: a weight of {np.abs(value).max():.3g} is beyond float16; use float32")
    return value.astype(np.float16)
