"""The layers of a TFLite file."""

from dataclasses import dataclass, field, replace

from edge.tflite import Graph, Operator, Tensor
from pipeline.diagnosis.layers import INPUT, Codes, Layer, keras_name, kind_of, size

_CODES = {"INT8": (-128, 127), "UINT8": (0, 255), "INT16": (-32768, 32767)}
_MOVING = frozenset(
    {"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "PAD", "PADV2", "MIRROR_PAD", "QUANTIZE", "DEQUANTIZE", "CAST"}
)
_RECODING = frozenset({"QUANTIZE", "DEQUANTIZE", "CAST"})
_ARITHMETIC = frozenset({"ADD", "SUB", "MUL", "DIV"})
_CLAMPS = frozenset({"RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1"})


@dataclass
class _Walk:
    """`origin`: the layer whose numbers a tensor carries. `carrier`: the tensor that holds them unmoved."""

    graph: Graph
    layers: list[Layer]
    origin: dict[int, int] = field(default_factory=dict)
    carrier: dict[int, int] = field(default_factory=dict)


def tflite_layers(graph: Graph) -> tuple[Layer, ...]:
    """The layers of `graph` in the order of execution, the input first; what depends on no input is left out."""
    entry = graph.inputs[0]
    walk = _Walk(graph=graph, layers=[_layer(graph, 0, INPUT, entry, (), None)])
    walk.origin[entry], walk.carrier[entry] = 0, entry
    for operator in graph.operators:
        _visit(walk, operator)
    return tuple(walk.layers)


def codes_of(tensor: Tensor) -> Codes | None:
    """How `tensor` is quantized; None where it is in float or has a scale for each channel."""
    if len(tensor.scales) != 1 or tensor.dtype not in _CODES:
        return None
    low, high = _CODES[tensor.dtype]
    return Codes(scale=tensor.scales[0], zero_point=tensor.zero_points[0], low=low, high=high)


def _visit(walk: _Walk, operator: Operator) -> None:
    graph, read = walk.graph, [index for index in operator.inputs if index in walk.origin]
    if not read:
        return
    result, source = operator.outputs[0], read[0]
    before = walk.origin[source]
    carried = walk.carrier[source] == source
    if operator.name in _CLAMPS and before and carried and len(_readers(graph, source)) == 1:
        walk.layers[before] = replace(
            walk.layers[before], tensor=result, codes=codes_of(graph.tensors[result]), shape=graph.tensors[result].shape
        )
        walk.origin[result], walk.carrier[result] = before, result
    elif _is_passing(operator, before, len(read)):
        walk.origin[result] = before
        # Before the first layer, what recodes the picture is part of it.
        recodes = before == 0 and carried and operator.name in _RECODING | _ARITHMETIC
        walk.carrier[result] = result if recodes else walk.carrier[source]
    else:
        sources = tuple(walk.origin[index] for index in read)
        if 0 in sources and len(walk.layers) == 1:
            entry = walk.carrier[read[sources.index(0)]]
            walk.layers[0] = _layer(graph, 0, INPUT, entry, (), None)
        for index in operator.outputs:
            walk.origin[index], walk.carrier[index] = len(walk.layers), index
        walk.layers.append(_layer(graph, len(walk.layers), kind_of(operator.name), result, sources, operator))


def _is_passing(operator: Operator, before: int, read: int) -> bool:
    return operator.name in _MOVING or (operator.name in _ARITHMETIC and before == 0 and read == 1)


def _readers(graph: Graph, tensor: int) -> list[Operator]:
    return [operator for operator in graph.operators if tensor in operator.inputs]


def _layer(
    graph: Graph, number: int, kind: str, index: int, sources: tuple[int, ...], operator: Operator | None
) -> Layer:
    tensor = graph.tensors[index]
    constants = [graph.tensors[each] for each in operator.inputs[1:2] if each >= 0] if operator else []
    weights = [each for each in constants if len(each.shape) >= 2 and kind in ("convolution", "dense")]
    return Layer(
        number=number,
        kind=kind,
        name=keras_name([tensor.name, *(each.name for each in weights)], kind) if operator else "",
        tensor=index,
        shape=tensor.shape,
        weights=sum(size(each.shape) for each in weights),
        sources=sources,
        codes=codes_of(tensor),
    )
