"""Layers left in float between quantized ones, kept so in ONNX Runtime."""

from onnx import GraphProto, NodeProto, helper

from edge.targets.derivation.graph import constant, consumers, insert_before, producer


def keep_float_layers(graph: GraphProto) -> None:
    """Put a Sum of one input behind each float layer that stands between DequantizeLinear and QuantizeLinear.

    ONNX Runtime (1.21 and later) quantizes the weights of such a layer by itself, one scale for all channels, which
    undoes what selective precision is for; a Sum of one input changes nothing and hides the pattern:
    https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/core/optimizer/qdq_transformer/weight_bias_quantization.cc
    """
    for node in [each for each in graph.node if each.op_type in ("Conv", "ConvTranspose", "Gemm")]:
        source, readers = producer(graph, node.input[0]), consumers(graph, node.output[0])
        dequantized = source is not None and source.op_type == "DequantizeLinear"
        if dequantized and constant(graph, node.input[1]) is not None and any(map(_quantizes, readers)):
            result = node.output[0]
            node.output[0] = f"{result}_float"
            insert_before(graph, readers[0], helper.make_node("Sum", [node.output[0]], [result], name=f"{result}_sum"))


def _quantizes(node: NodeProto) -> bool:
    return node.op_type in ("QuantizeLinear", "Relu", "Clip")
