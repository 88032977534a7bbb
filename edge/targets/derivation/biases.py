"""Biases as real numbers."""

import numpy as np
from onnx import GraphProto

from edge.targets.derivation.graph import add_constant, constant, scheme_of


def float_biases(graph: GraphProto) -> None:
    """An int32 bias behind a DequantizeLinear becomes a float32 constant: TensorRT dequantizes int8 and fp8 only."""
    for dequantize in [each for each in graph.node if each.op_type == "DequantizeLinear"]:
        codes = constant(graph, dequantize.input[0])
        if codes is None or codes.dtype != np.int32:
            continue
        real = codes.astype(np.float64) * scheme_of(graph, dequantize).scale.astype(np.float64)
        graph.node.remove(dequantize)
        add_constant(graph, dequantize.output[0], real.astype(np.float32))
