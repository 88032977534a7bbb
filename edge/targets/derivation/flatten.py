"""Flattening in the order of NCHW: the Dense layer's weights move, so that the picture need not."""

import numpy as np
from onnx import GraphProto, NodeProto

from edge.targets.derivation.graph import add_constant, bypass, constant, consumers, producer

NHWC = [0, 2, 3, 1]


def fold_flatten(graph: GraphProto, shapes: dict[str, tuple[int, ...]]) -> None:
    """A Transpose to NHWC before a Reshape to [batch, k] and a Gemm becomes another order of the Gemm's weights.

    `shapes` gives the shape of each tensor, as onnx.shape_inference finds it; the batch may be anything.
    """
    for transpose in [each for each in graph.node if each.op_type == "Transpose"]:
        if list(transpose.attribute[0].ints) != NHWC:
            continue
        gemm = _gemm_behind(graph, transpose.output[0])
        weights = _weights(graph, gemm) if gemm is not None else None
        if gemm is None or weights is None:
            continue
        _, channels, height, width = shapes[transpose.input[0]]
        codes = constant(graph, weights)
        if codes is None or codes.shape[0] != channels * height * width:
            continue
        reordered = codes.reshape(height, width, channels, -1).transpose(2, 0, 1, 3).reshape(codes.shape)
        add_constant(graph, weights, np.ascontiguousarray(reordered))
        bypass(graph, transpose)


def _gemm_behind(graph: GraphProto, tensor: str) -> NodeProto | None:
    """The one Gemm that reads `tensor` through a Reshape and nothing that mixes its values."""
    for _ in range(4):
        readers = consumers(graph, tensor)
        if len(readers) != 1:
            return None
        if readers[0].op_type == "Gemm":
            return readers[0]
        if readers[0].op_type not in ("Reshape", "QuantizeLinear", "DequantizeLinear"):
            return None
        tensor = readers[0].output[0]
    return None


def _weights(graph: GraphProto, gemm: NodeProto) -> str | None:
    """The initializer of the Gemm's weights [k, n], where nothing else reads it and it is not transposed."""
    if any(each.name == "transB" and each.i for each in gemm.attribute):
        return None
    dequantize = producer(graph, gemm.input[1])
    name = gemm.input[1] if dequantize is None else dequantize.input[0]
    return name if len(consumers(graph, name)) == 1 else None
