"""Padding done by the convolution that follows it."""

import numpy as np
from onnx import GraphProto, NodeProto, helper

from edge.targets.derivation.graph import attribute, bypass, constant, consumers, producer, scheme_of


def fold_pads(graph: GraphProto) -> None:
    """A Pad with zeros before a convolution becomes the convolution's own padding.

    Keras's ZeroPadding2D arrives as Pad, QuantizeLinear, DequantizeLinear, Conv in NCHW; where the Pad's codes are of
    the same scheme before and after it, they change nothing.
    """
    for pad in [each for each in graph.node if each.op_type == "Pad"]:
        chain = _chain_to_convolution(graph, pad)
        amounts = constant(graph, pad.input[1])
        if chain is None or amounts is None or not _pads_zeros(graph, pad) or amounts[[0, 1, 4, 5]].any():
            continue
        *between, convolution = chain
        total = amounts[[2, 3, 6, 7]] + np.array(attribute(convolution, "pads", [0, 0, 0, 0]))
        for each in list(convolution.attribute):
            if each.name in ("pads", "auto_pad"):
                convolution.attribute.remove(each)
        convolution.attribute.append(helper.make_attribute("pads", total.tolist()))
        for node in (pad, *between):
            bypass(graph, node)


def _chain_to_convolution(graph: GraphProto, pad: NodeProto) -> list[NodeProto] | None:
    """The nodes after `pad` up to its one convolution, where nothing else reads on the way."""
    chain: list[NodeProto] = []
    tensor = pad.output[0]
    for kinds in (("QuantizeLinear", "Conv"), ("DequantizeLinear",), ("Conv",)):
        readers = consumers(graph, tensor)
        if len(readers) != 1 or readers[0].op_type not in kinds:
            return None
        chain.append(readers[0])
        if readers[0].op_type == "Conv":
            break
        tensor = readers[0].output[0]
    before = producer(graph, pad.input[0])
    if len(chain) == 1:
        return chain
    same = before is not None and before.op_type == "DequantizeLinear"
    return chain if same and scheme_of(graph, before) == scheme_of(graph, chain[0]) else None


def _pads_zeros(graph: GraphProto, pad: NodeProto) -> bool:
    value = constant(graph, pad.input[2]) if len(pad.input) > 2 and pad.input[2] else np.zeros(())
    return attribute(pad, "mode", b"constant") == b"constant" and value is not None and not value.any()
