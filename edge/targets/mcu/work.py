"""How much a network computes: multiply-accumulates of one picture."""

from math import prod

from edge.tflite import Graph, Operator


def multiply_accumulates(graph: Graph) -> int:
    """Multiply-accumulates of convolutions, dense and LSTM layers and matrix products; other operators count none."""
    return sum(_of(graph, operator) for operator in graph.operators)


def _of(graph: Graph, operator: Operator) -> int:
    shapes = [graph.tensors[index].shape if index >= 0 else () for index in operator.inputs]
    results = [graph.tensors[index].shape for index in operator.outputs]
    if len(shapes) < 2 or not results:
        return 0
    weights, result = shapes[1], results[0]
    if operator.name == "CONV_2D":  # weights: out, height, width, in (of its group)
        return prod(result) * prod(weights[1:])
    if operator.name == "DEPTHWISE_CONV_2D":  # weights: 1, height, width, out
        return prod(result) * prod(weights[1:3])
    if operator.name == "TRANSPOSE_CONV" and len(shapes) > 2:  # every input value meets every weight of its channel
        return prod(shapes[2]) * prod(weights[:3])
    if operator.name == "FULLY_CONNECTED":  # weights: out, in
        return prod(result) * prod(weights[1:])
    if operator.name == "BATCH_MATMUL":
        inner = shapes[0][-2 if operator.options.get("adjX") else -1] if len(shapes[0]) > 1 else 0
        return prod(result) * inner
    if operator.name == "UNIDIRECTIONAL_SEQUENCE_LSTM":  # 8 matrices of its gates, then its projection; some may lack
        return prod(shapes[0][:-1]) * sum(prod(shape) for shape in (*shapes[1:9], *shapes[16:17]) if shape)
    return 0
