"""The codes of activations: from int8 to uint8 for CPUs, to zero point 0 for TensorRT."""

from collections.abc import Callable, Iterator

import numpy as np
from onnx import GraphProto, NodeProto

from edge.device.errors import ConversionFailed
from edge.targets.derivation.graph import MOVERS, Scheme, consumers, rename, scheme_of, set_scheme


def shift_to_uint8(graph: GraphProto) -> None:
    """Activations in int8 get uint8 codes, 128 higher: the same numbers. x86 multiplies uint8 by int8 fastest."""
    _change_schemes(graph, _shifted)
    _drop_requantization(graph)


def recentre(graph: GraphProto) -> None:
    """Activations get int8 codes with zero point 0, which is all that TensorRT takes.

    A scheme with zero point 0 keeps its scale, so a network trained with symmetric activations keeps its answers. Any
    other keeps its range: the new scale is the smallest that holds both ends, up to twice as coarse. Answers then
    differ, and the artefact must be measured as a model of its own.
    """
    _change_schemes(graph, _recentred)


def _change_schemes(graph: GraphProto, change: Callable[[Scheme], Scheme]) -> None:
    """Apply `change` to each activation's QuantizeLinear and to each DequantizeLinear of the same codes."""
    for quantize in [each for each in graph.node if each.op_type == "QuantizeLinear"]:
        scheme = change(scheme_of(graph, quantize))
        set_scheme(graph, quantize, scheme)
        for dequantize in _dequantizers(graph, quantize.output[0]):
            set_scheme(graph, dequantize, scheme)


def _dequantizers(graph: GraphProto, codes: str) -> Iterator[NodeProto]:
    """The DequantizeLinear nodes that read `codes`, also behind nodes that only move them."""
    for node in consumers(graph, codes):
        if node.op_type == "DequantizeLinear":
            yield node
        elif node.op_type in MOVERS:
            yield from _dequantizers(graph, node.output[0])
        else:
            raise ConversionFailed(f"{node.op_type} {node.name}: computes on integer codes; expected real numbers")


def _shifted(scheme: Scheme) -> Scheme:
    if scheme.zero_point.dtype != np.int8:
        return scheme
    return Scheme(scale=scheme.scale, zero_point=np.array(int(scheme.zero_point) + 128, np.uint8))


def _recentred(scheme: Scheme) -> Scheme:
    zero_point = int(scheme.zero_point) - (128 if scheme.zero_point.dtype == np.uint8 else 0)
    widest = max(127 - zero_point, (128 + zero_point) * 127 / 128)  # in steps of the old scale
    scale = scheme.scale if zero_point == 0 else np.asarray(scheme.scale * (widest / 127), np.float32)
    return Scheme(scale=scale, zero_point=np.zeros((), np.int8))


def _drop_requantization(graph: GraphProto) -> None:
    """A DequantizeLinear and a QuantizeLinear of one scheme change nothing: codes go on as they are.

    They stand for TFLite's QUANTIZE from the input's uint8 codes to int8 ones of the same scale.
    """
    for dequantize in [each for each in graph.node if each.op_type == "DequantizeLinear"]:
        before = scheme_of(graph, dequantize)
        for quantize in consumers(graph, dequantize.output[0]):
            if quantize.op_type == "QuantizeLinear" and scheme_of(graph, quantize) == before:
                rename(graph, quantize.output[0], dequantize.input[0])
                graph.node.remove(quantize)
