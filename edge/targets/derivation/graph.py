"""Reading and rewiring an ONNX graph: who makes a tensor, who reads it, and what it holds."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, helper, numpy_helper

MOVERS = frozenset(
    {"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "MaxPool", "Identity", "Slice", "Concat"}
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Scheme:
    """How the tensor behind a QuantizeLinear or DequantizeLinear is quantized."""

    scale: NDArray[np.float32]
    zero_point: NDArray[Any]  # its dtype is the codes' dtype

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Scheme)
            and self.zero_point.dtype == other.zero_point.dtype
            and np.array_equal(self.zero_point, other.zero_point)
            and np.array_equal(self.scale, other.scale)
        )


def producer(graph: GraphProto, tensor: str) -> NodeProto | None:
    """The node that makes `tensor`; None for an input or a constant."""
    return next((node for node in graph.node if tensor in node.output), None)


def consumers(graph: GraphProto, tensor: str) -> list[NodeProto]:
    """The nodes that read `tensor`, in the graph's order."""
    return [node for node in graph.node if tensor in node.input]


def constant(graph: GraphProto, tensor: str) -> NDArray[Any] | None:
    """The value of the initializer `tensor`; None where it is not one."""
    found = next((each for each in graph.initializer if each.name == tensor), None)
    return None if found is None else numpy_helper.to_array(found)


def add_constant(graph: GraphProto, name: str, value: NDArray[Any]) -> str:
    """Add an initializer, in place of an older one of that name; returns the name."""
    for each in graph.initializer:
        if each.name == name:
            each.CopyFrom(numpy_helper.from_array(value, name))
            return name
    graph.initializer.append(numpy_helper.from_array(value, name))
    return name


def scheme_of(graph: GraphProto, node: NodeProto) -> Scheme:
    """The scale and zero point of a QuantizeLinear or DequantizeLinear; absent, ONNX's zero point is uint8 0.

    Raises ValueError where they are not constants.
    """
    scale = constant(graph, node.input[1])
    has_zero_point = len(node.input) > 2 and node.input[2] != ""
    zero_point = constant(graph, node.input[2]) if has_zero_point else np.zeros((), np.uint8)
    if scale is None or zero_point is None:
        raise ValueError(f"{node.op_type} {node.name}: its scale and zero point are not constants")
    return Scheme(scale=scale, zero_point=zero_point)


def set_scheme(graph: GraphProto, node: NodeProto, scheme: Scheme) -> None:
    """Give a per-tensor QuantizeLinear or DequantizeLinear another scale and zero point."""
    base = f"{node.output[0]}_scheme"
    del node.input[1:]
    node.input.append(add_constant(graph, f"{base}_scale", scheme.scale))
    node.input.append(add_constant(graph, f"{base}_zero_point", scheme.zero_point))


def insert_before(graph: GraphProto, place: NodeProto, *nodes: NodeProto) -> None:
    at = list(graph.node).index(place)
    for offset, node in enumerate(nodes):
        graph.node.insert(at + offset, node)


def bypass(graph: GraphProto, node: NodeProto) -> None:
    """Remove `node`, whose readers then read its first input."""
    graph.node.remove(node)
    rename(graph, node.output[0], node.input[0])


def rename(graph: GraphProto, old: str, new: str) -> None:
    """Call the tensor `old` by the name `new` wherever it is made or read."""
    for node in graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name == old:
                    names[index] = new
    for value in (*graph.input, *graph.output):
        if value.name == old:
            value.name = new


def attribute(node: NodeProto, name: str, absent: Any) -> Any:
    found = next((each for each in node.attribute if each.name == name), None)
    return absent if found is None else helper.get_attribute_value(found)


def drop_unused(graph: GraphProto) -> None:
    """Remove nodes and initializers that lead to no output, and the recorded shapes of tensors in between."""
    wanted = {value.name for value in graph.output}
    for node in reversed(list(graph.node)):
        if wanted.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            wanted.update(node.input)
    for each in list(graph.initializer):
        if each.name not in wanted:
            graph.initializer.remove(each)
    del graph.value_info[:]
