"""The picture's bytes turned into the network's numbers with operators that TensorRT has for uint8."""

import numpy as np
from onnx import GraphProto, TensorProto, helper

from edge.device.errors import ConversionFailed
from edge.targets.derivation.graph import add_constant, consumers, insert_before, rename, scheme_of
from edge.targets.derivation.tflite_import import INPUT


def cast_picture(graph: GraphProto) -> None:
    """The input's uint8 DequantizeLinear becomes Cast, Sub and Mul: TensorRT takes uint8 in Cast alone.

    Raises ConversionFailed where the input does not begin with a DequantizeLinear.
    """
    readers = consumers(graph, INPUT)
    if [each.op_type for each in readers] != ["DequantizeLinear"]:
        found = ", ".join(each.op_type for each in readers)
        raise ConversionFailed(f"{INPUT}: read by {found}; expected one DequantizeLinear of its uint8 codes")
    dequantize = readers[0]
    scheme = scheme_of(graph, dequantize)
    zero_point = add_constant(graph, f"{INPUT}_zero_point", scheme.zero_point.astype(np.float32))
    scale = add_constant(graph, f"{INPUT}_scale", scheme.scale)
    insert_before(
        graph,
        dequantize,
        helper.make_node("Cast", [INPUT], [f"{INPUT}_float"], to=TensorProto.FLOAT, name=f"{INPUT}_cast"),
        helper.make_node("Sub", [f"{INPUT}_float", zero_point], [f"{INPUT}_centred"], name=f"{INPUT}_centre"),
        helper.make_node("Mul", [f"{INPUT}_centred", scale], [f"{INPUT}_scaled"], name=f"{INPUT}_rescale"),
    )
    graph.node.remove(dequantize)
    rename(graph, dequantize.output[0], f"{INPUT}_scaled")
