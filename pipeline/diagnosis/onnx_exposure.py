"""A copy of an ONNX model that tells more: what each layer answers."""

from collections.abc import Sequence

from onnx import ModelProto, ValueInfoProto

from pipeline.diagnosis.layers import Layer


def exposed_onnx(model: ModelProto, layers: Sequence[Layer]) -> bytes:
    """The ONNX model with the answer of every layer among its outputs, behind its own.

    Exposed are codes where there are codes: a runtime that fuses a layer with its quantizer does so still.
    """
    copy = ModelProto()
    copy.CopyFrom(model)
    there = {value.name for value in (*copy.graph.output, *copy.graph.input)}
    names = dict.fromkeys(str(layer.tensor) for layer in layers)
    copy.graph.output.extend(ValueInfoProto(name=name) for name in names if name not in there)
    return bytes(copy.SerializeToString())
