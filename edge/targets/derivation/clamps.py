"""ReLU and ReLU6 around a QuantizeLinear."""

import numpy as np
from onnx import GraphProto, NodeProto, helper

from edge.targets.derivation.graph import add_constant, bypass, constant, consumers, scheme_of


def clamp_codes(graph: GraphProto) -> None:
    """Relu or Clip before a QuantizeLinear becomes a Clip of its codes, or nothing where the codes end there anyway.

    TFLite clamps the codes after it has scaled the sum, so this is its order of steps; and ONNX Runtime fuses a
    convolution only with a QuantizeLinear that follows at once.
    """
    for clamp in _quantized_clamps(graph, "Relu", "Clip"):
        for quantize in consumers(graph, clamp.output[0]):
            _clip_after(graph, quantize, *_bounds(graph, clamp, quantize))
        bypass(graph, clamp)


def saturating_clips_to_relu(graph: GraphProto) -> None:
    """Clip(0, high) becomes Relu where the next QuantizeLinear saturates at `high` anyway: TensorRT fuses only Relu."""
    for clip in _quantized_clamps(graph, "Clip"):
        bounds = [_bounds(graph, clip, quantize) for quantize in consumers(graph, clip.output[0])]
        codes = [np.iinfo(scheme_of(graph, each).zero_point.dtype) for each in consumers(graph, clip.output[0])]
        starts_at_zero = constant(graph, clip.input[1]) == 0
        if starts_at_zero and all(high >= code.max for (_, high), code in zip(bounds, codes, strict=True)):
            clip.op_type = "Relu"
            del clip.input[1:]


def _quantized_clamps(graph: GraphProto, *kinds: str) -> list[NodeProto]:
    """The clamps of these kinds whose readers all are QuantizeLinear."""
    found = []
    for node in graph.node:
        readers = consumers(graph, node.output[0]) if node.op_type in kinds else []
        if readers and all(reader.op_type == "QuantizeLinear" for reader in readers):
            found.append(node)
    return found


def _bounds(graph: GraphProto, clamp: NodeProto, quantize: NodeProto) -> tuple[int, int]:
    """The lowest and highest code that `clamp` lets through; halves round up, as in TFLite."""
    scheme = scheme_of(graph, quantize)
    codes = np.iinfo(scheme.zero_point.dtype)

    def code(end: float) -> int:
        return int(scheme.zero_point) + int(np.floor(end / float(scheme.scale) + 0.5))

    if clamp.op_type == "Relu":
        return max(code(0.0), codes.min), int(codes.max)
    low, high = (constant(graph, name) if name else None for name in (*clamp.input[1:], "", "")[:2])
    lowest = int(codes.min) if low is None else max(code(float(low)), codes.min)
    highest = int(codes.max) if high is None else min(code(float(high)), codes.max)
    return lowest, highest


def _clip_after(graph: GraphProto, quantize: NodeProto, low: int, high: int) -> None:
    dtype = scheme_of(graph, quantize).zero_point.dtype
    if (low, high) == (np.iinfo(dtype).min, np.iinfo(dtype).max):
        return
    codes = quantize.output[0]
    quantize.output[0] = f"{codes}_free"
    lowest = add_constant(graph, f"{codes}_low", np.array(low, dtype))
    highest = add_constant(graph, f"{codes}_high", np.array(high, dtype))
    clip = helper.make_node("Clip", [quantize.output[0], lowest, highest], [codes], name=f"{codes}_clamp")
    graph.node.insert(list(graph.node).index(quantize) + 1, clip)
