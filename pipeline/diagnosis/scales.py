"""What a quantized TFLite file says of itself twice: a bias is in steps of the input's scale times the weights'.

Source: "LiteRT 8-bit quantization specification",
https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.tflite import Graph, Operator, read_graph
from pipeline.diagnosis.layers import Layer

_BIAS = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2}  # by operator, which of its inputs it is
_TOLERANCE = 1e-3  # of float32 products that converters round on their way


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """The scale of the bias of layer `layer` is `factor` times that of its input, the answer of `source`, times that of
    its weights; the median over its channels. `readers`: the layers with a bias that read the same input."""

    layer: int
    source: int
    factor: float
    readers: tuple[int, ...]


def contradictions(file: Path, layers: Sequence[Layer]) -> tuple[Contradiction, ...]:
    """The layers of a TFLite file whose scales do not fit together: it was edited, or damaged. None where it is ONNX.

    Raises BadModel where the file cannot be read.
    """
    if file.suffix != ".tflite":
        return ()
    graph = read_graph(file)
    factors = {
        layer.number: factor for layer in layers[1:] if (factor := _factor(graph, _operator(graph, layer))) is not None
    }
    source = {number: layers[number].sources[0] for number in factors}
    return tuple(
        Contradiction(
            layer=number,
            source=source[number],
            factor=factor,
            readers=tuple(each for each in factors if source[each] == source[number]),
        )
        for number, factor in factors.items()
        if abs(factor - 1) > _TOLERANCE
    )


def _operator(graph: Graph, layer: Layer) -> Operator:
    """The operator of a layer, from whose tensor it may be parted by a ReLU."""
    made = {index: operator for operator in graph.operators for index in operator.outputs}
    operator = made[int(layer.tensor)]
    return made[operator.inputs[0]] if operator.name.startswith("RELU") and operator.inputs[0] in made else operator


def _factor(graph: Graph, operator: Operator) -> float | None:
    """The bias's scale by what it should be; None where the operator has no quantized bias."""
    place = _BIAS.get(operator.name)
    if place is None or len(operator.inputs) <= place or operator.inputs[place] < 0:
        return None
    source, weights, bias = (graph.tensors[operator.inputs[each]] for each in (0, 1, place))
    if not (source.scales and weights.scales and bias.scales):
        return None
    if len(bias.scales) != len(weights.scales):
        return None
    expected = source.scales[0] * np.array(weights.scales)
    used = expected > 0
    return float(np.median(np.array(bias.scales)[used] / expected[used])) if used.any() else None
