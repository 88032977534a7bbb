"""The layers of an ONNX file, in float or with quantizers in it (QDQ)."""

from dataclasses import dataclass, field, replace

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, shape_inference

from edge.targets.derivation.graph import Scheme, consumers, scheme_of
from pipeline.diagnosis.layers import INPUT, Codes, Layer, keras_name, kind_of, size

_MOVING = frozenset(
    {
        *("Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Pad", "Cast"),
        *("QuantizeLinear", "DequantizeLinear", "Relu", "Clip"),
    }
)
_ARITHMETIC = frozenset({"Add", "Sub", "Mul", "Div"})


@dataclass
class _Walk:
    """`origin`: the layer whose numbers a tensor carries. `done`: layers whose answer was quantized."""

    graph: GraphProto
    shapes: dict[str, tuple[int, ...]]
    layers: list[Layer]
    origin: dict[str, int] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)


def onnx_layers(model: ModelProto) -> tuple[Layer, ...]:
    """The layers of `model` in the order of execution, the input first; a free batch counts as one."""
    shapes = _shapes(model)
    entry = model.graph.input[0].name
    first = _layer(0, INPUT, entry, (), 0, shapes, "")
    walk = _Walk(graph=model.graph, shapes=shapes, layers=[first], origin={entry: 0})
    for node in model.graph.node:
        _visit(walk, node)
    return tuple(walk.layers)


def _visit(walk: _Walk, node: NodeProto) -> None:
    read = [name for name in node.input if name in walk.origin]
    if not read:
        return
    result, before = node.output[0], walk.origin[read[0]]
    if node.op_type in _MOVING or (node.op_type in _ARITHMETIC and len(read) == 1):
        walk.origin[result] = before
        _follow(walk, node, read[0], before)
        return
    sources = tuple(walk.origin[name] for name in read)
    kind, number = kind_of(node.op_type), len(walk.layers)
    weights = _weights(walk, node) if kind in ("convolution", "dense") else 0
    names = [name.removesuffix("_prequant") for name in (result, *node.input[1:2])]
    walk.layers.append(_layer(number, kind, result, sources, weights, walk.shapes, keras_name(names, kind)))
    for name in node.output:
        walk.origin[name] = number


def _follow(walk: _Walk, node: NodeProto, source: str, number: int) -> None:
    """What follows a layer alone is part of it, up to its quantizer and the clamp of the codes behind that."""
    layer = walk.layers[number]
    alone = len(consumers(walk.graph, source)) == 1 or number == 0
    if source != layer.tensor or not alone or (number in walk.done and node.op_type != "Clip"):
        return
    codes = layer.codes
    if node.op_type == "QuantizeLinear":
        walk.done.add(number)
        codes = _codes(scheme_of(walk.graph, node))
    elif node.op_type == "DequantizeLinear":  # of a picture, whose bytes are codes
        walk.done.add(number)
        walk.layers[number] = replace(layer, codes=_codes(scheme_of(walk.graph, node)))
        return
    walk.layers[number] = replace(
        layer, tensor=node.output[0], shape=walk.shapes.get(node.output[0], layer.shape), codes=codes
    )


def _codes(scheme: Scheme) -> Codes | None:
    """None for a scale of each channel."""
    if scheme.scale.size != 1:
        return None
    ends = np.iinfo(scheme.zero_point.dtype)
    return Codes(
        scale=float(scheme.scale.item()),
        zero_point=int(scheme.zero_point.item()),
        low=int(ends.min),
        high=int(ends.max),
    )


def _layer(
    number: int,
    kind: str,
    tensor: str,
    sources: tuple[int, ...],
    weights: int,
    shapes: dict[str, tuple[int, ...]],
    name: str,
) -> Layer:
    return Layer(
        number=number,
        kind=kind,
        name=name,
        tensor=tensor,
        shape=shapes.get(tensor, ()),
        weights=weights,
        sources=sources,
        codes=None,
        channels_first=True,
    )


def _weights(walk: _Walk, node: NodeProto) -> int:
    fixed = [name for name in node.input[1:2] if name not in walk.origin]
    return sum(size(walk.shapes.get(name, ())) for name in fixed)


def _shapes(model: ModelProto) -> dict[str, tuple[int, ...]]:
    graph = shape_inference.infer_shapes(model).graph
    values = (*graph.input, *graph.value_info, *graph.output)
    shapes = {each.name: tuple(int(d.dim_value) or 1 for d in each.type.tensor_type.shape.dim) for each in values}
    return shapes | {each.name: tuple(each.dims) for each in graph.initializer}
