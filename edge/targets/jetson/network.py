"""An ONNX graph for reading: who makes each tensor, who reads it, its type, shape and value. Takes damaged graphs too.

Every look-up is by name in a dictionary, so that networks of many thousand operators are read in linear time; nothing
follows edges by recursion, so that a graph with a cycle ends as well.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

# What decoding a damaged tensor or attribute raises.
UNDECODABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, MemoryError, struct.error)
DECODED = 2**26  # elements: scales and shapes are small; larger constants stay unread
# Attributes in which a Constant node holds numbers without a tensor, and their types.
CONSTANT_NUMBERS = {
    "value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64,
}  # fmt: skip

Shape = tuple[int | None, ...]  # None: a length that is known only when the model runs


@dataclass(frozen=True, kw_only=True)
class Network:
    """The main graph of a model. `initializers` holds the tensors of Constant nodes too."""

    nodes: Sequence[NodeProto]
    inputs: Sequence[ValueInfoProto]  # those that a caller feeds
    outputs: Sequence[ValueInfoProto]
    initializers: Mapping[str, TensorProto]
    makers: Mapping[str, NodeProto]
    consumers: Mapping[str, Sequence[NodeProto]]
    types: Mapping[str, int]  # TensorProto.DataType
    shapes: Mapping[str, Shape]
    opsets: Mapping[str, int]  # version by domain, "" is ONNX's own
    functions: Mapping[tuple[str, str], Sequence[NodeProto]]  # the model's own, by domain and name

    def readers(self, tensor: str) -> Sequence[NodeProto]:
        return self.consumers.get(tensor, ())

    def value(self, tensor: str) -> NDArray[Any] | None:
        """The constant `tensor`; None where it is computed, external, large or damaged."""
        found = self.initializers.get(tensor)
        return None if found is None else _decoded(found)

    def is_constant(self, tensor: str) -> bool:
        return tensor in self.initializers

    def type_of(self, tensor: str) -> int:
        """Its TensorProto.DataType; UNDEFINED where nothing tells."""
        return self.types.get(tensor, TensorProto.UNDEFINED)

    def shape_of(self, tensor: str) -> Shape | None:
        return self.shapes.get(tensor)


def network_of(model: ModelProto) -> Network:
    """The main graph of `model`, with the types and shapes that ONNX's shape inference finds."""
    graph = _inferred(model).graph
    initializers = {tensor.name: tensor for tensor in graph.initializer}
    makers: dict[str, NodeProto] = {}
    consumers: dict[str, list[NodeProto]] = {}
    for node in graph.node:
        if node.op_type == "Constant" and node.output:
            initializers.update((node.output[0], tensor) for tensor in _tensors_of_constant(node))
        for name in filter(None, node.output):
            makers.setdefault(name, node)
        for name in filter(None, dict.fromkeys(node.input)):
            consumers.setdefault(name, []).append(node)
    types, shapes = _types_and_shapes(graph, initializers)
    return Network(
        nodes=graph.node,
        inputs=[value for value in graph.input if value.name not in initializers],
        outputs=graph.output,
        initializers=initializers,
        makers=makers,
        consumers=consumers,
        types=types,
        shapes=shapes,
        opsets={_domain(each.domain): each.version for each in model.opset_import},
        functions={(each.domain, each.name): each.node for each in model.functions},
    )


def attribute(node: NodeProto, name: str, absent: Any) -> Any:
    """An attribute's value; `absent` where the node has none of that name, type or form."""
    for each in node.attribute:
        if each.name == name:
            try:
                value = helper.get_attribute_value(each)
            except UNDECODABLE:
                return absent
            return value if isinstance(value, type(absent)) or absent is None else absent
    return absent


def name_of(node: NodeProto) -> str:
    """How findings call it, e.g. "Conv stem/conv"."""
    return f"{node.op_type} {node.name or next(iter(node.output), '')}".strip()


def type_name(number: int) -> str:
    """E.g. "FLOAT16"; the number where ONNX has no such type."""
    return str(TensorProto.DataType.Name(number)) if number in TensorProto.DataType.values() else f"type {number}"


def elements(shape: Shape | None) -> int | None:
    """How many values a tensor of that shape holds, a free batch counted as one; None where that is not known."""
    if shape is None or any(length is None or length < 0 for length in shape[1:]):
        return None
    product = 1
    for index, length in enumerate(shape):
        product *= 1 if index == 0 and length is None else max(length or 0, 0)
    return product


def _tensors_of_constant(node: NodeProto) -> list[TensorProto]:
    """The tensor of a Constant node, in whichever attribute it stands; empty for strings, sparse and damaged ones."""
    tensors = [each.t for each in node.attribute if each.name == "value"]
    for name, dtype in CONSTANT_NUMBERS.items():
        for each in (each for each in node.attribute if each.name == name):
            try:
                tensors.append(numpy_helper.from_array(np.asarray(helper.get_attribute_value(each), dtype)))
            except UNDECODABLE:
                continue
    return tensors


def _domain(name: str) -> str:
    return "" if name == "ai.onnx" else name


def _inferred(model: ModelProto) -> ModelProto:
    """`model` with the types and shapes of its inner tensors, or as it is where ONNX cannot tell them."""
    try:
        return onnx.shape_inference.infer_shapes(model)
    except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError, RuntimeError, *UNDECODABLE):
        return model


def _types_and_shapes(
    graph: GraphProto, initializers: Mapping[str, TensorProto]
) -> tuple[dict[str, int], dict[str, Shape]]:
    types = {name: tensor.data_type for name, tensor in initializers.items()}
    shapes: dict[str, Shape] = {name: tuple(tensor.dims) for name, tensor in initializers.items()}
    for value in (*graph.value_info, *graph.output, *graph.input):
        tensor = value.type.tensor_type
        types.setdefault(value.name, tensor.elem_type)
        if tensor.HasField("shape"):
            lengths = (each.dim_value if each.HasField("dim_value") else None for each in tensor.shape.dim)
            shapes.setdefault(value.name, tuple(lengths))
    return types, shapes


def _decoded(tensor: TensorProto) -> NDArray[Any] | None:
    if tensor.data_location == TensorProto.EXTERNAL or not 0 <= np.prod(tensor.dims, dtype=object) <= DECODED:
        return None
    try:
        value: NDArray[Any] = numpy_helper.to_array(tensor)
        return value
    except UNDECODABLE:
        return None
