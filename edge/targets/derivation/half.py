"""A float16 network with float32 logits."""

import numpy as np
from onnx import GraphProto, TensorProto, helper, numpy_helper

from edge.device.errors import ConversionFailed
from edge.targets.derivation.graph import rename
from edge.targets.derivation.tflite_import import OUTPUT


def to_half(graph: GraphProto) -> None:
    """Weights and arithmetic in float16, from the Cast of the bytes to the logits.

    TensorRT 11 takes a network's types as they stand (strong typing; `--fp16` is gone), and TensorRT 10 takes the same
    file with `--stronglyTyped`: a float32 graph would run in float32.

    Raises ConversionFailed where a weight does not fit float16.
    """
    largest = np.finfo(np.float16).max
    for each in graph.initializer:
        if each.data_type != TensorProto.FLOAT:
            continue
        value = numpy_helper.to_array(each)
        if np.abs(value).max(initial=0) > largest:
            raise ConversionFailed(f"{each.name}: a weight of {np.abs(value).max():.3g} is beyond float16; use float32")
        each.CopyFrom(numpy_helper.from_array(value.astype(np.float16), each.name))
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16
    rename(graph, OUTPUT, f"{OUTPUT}_half")
    graph.output[0].name = OUTPUT
    graph.node.append(
        helper.make_node("Cast", [f"{OUTPUT}_half"], [OUTPUT], to=TensorProto.FLOAT, name=f"{OUTPUT}_cast")
    )
