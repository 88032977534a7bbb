"""Copies of a TFLite file that tell more: what each layer answers, and what each answers on inputs of its own."""

from collections.abc import Sequence
from typing import Any

from edge.tflite import IDENTIFIER
from pipeline.diagnosis.layers import Layer


def exposed_tflite(content: bytes, layers: Sequence[Layer]) -> bytes:
    """The TFLite model `content` with the answer of every layer among its outputs, behind its own."""
    model = _unpacked(content)
    graph = model.subgraphs[0]
    _expose(graph, layers)
    return _packed(model, len(content))


def severed_tflite(content: bytes, layers: Sequence[Layer]) -> bytes:
    """As `exposed_tflite`, but every layer reads, in place of another layer's answer, an input of its own.

    The inputs are those of the model and then one for each layer that another reads, in the order of `layers`: of the
    shape, type and quantization of that layer's answer.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = _unpacked(content)
    graph = model.subgraphs[0]
    for layer in read_layers(layers):
        index = len(graph.tensors)
        given, answer = schema.TensorT(), graph.tensors[layer.tensor]
        given.name, given.shape, given.type = f"given_{layer.number}", answer.shape, answer.type
        given.quantization, given.buffer = answer.quantization, len(model.buffers)
        model.buffers.append(schema.BufferT())
        graph.tensors.append(given)
        for operator in graph.operators:
            operator.inputs = [index if each == layer.tensor else each for each in operator.inputs]
        graph.inputs = [*graph.inputs, index]
    _expose(graph, layers)
    return _packed(model, len(content))


def read_layers(layers: Sequence[Layer]) -> list[Layer]:
    """Those whose answer another layer reads."""
    read = {source for layer in layers for source in layer.sources}
    return [layer for layer in layers if layer.number in read]


def _expose(graph: Any, layers: Sequence[Layer]) -> None:
    there = {*map(int, graph.inputs), *map(int, graph.outputs)}
    graph.outputs = [*graph.outputs, *dict.fromkeys(layer.tensor for layer in layers if layer.tensor not in there)]


def _unpacked(content: bytes) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    model.signatureDefs = []  # they name outputs by position
    return model


def _packed(model: Any, size: int) -> bytes:
    import flatbuffers  # type: ignore[import-untyped]

    builder = flatbuffers.Builder(size)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())
