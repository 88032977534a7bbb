"""Reading an ONNX file that may be anyone's, damaged, or no ONNX at all. Weights in files beside it are not loaded.

Format: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from onnx import AttributeProto, GraphProto, ModelProto, TensorProto

from edge.device.errors import BadModel

LARGEST = 2**31 - 1  # bytes: Protocol Buffers describe no more
DEEPEST = 16  # graphs within graphs: the bodies of If, Loop and Scan


def read_onnx(path: Path) -> ModelProto:
    """The model of an ONNX file, its external weights left where they are.

    Raises BadModel where the file is missing, larger than 2 GiB, no whole ONNX model, or names external weights that
    are not within plain files of its own folder.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise BadModel(f"{path}: {size:,} bytes; an ONNX file has at most {LARGEST:,}: keep weights beside it")
        content = path.read_bytes()
    except OSError as error:
        raise BadModel(f"{path}: not readable ({error.strerror}); expected an ONNX model") from None
    model = parse_onnx(content, str(path))
    for tensor in external_tensors(model):
        _require_within(tensor, path)
    return model


def parse_onnx(content: bytes, name: str) -> ModelProto:
    """The model in `content`; `name` stands in messages. Raises as `read_onnx`, external weights apart."""
    from google.protobuf.message import DecodeError

    model = ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise BadModel(f"{name}: no whole ONNX model ({error}); copy or export it again") from None
    if not model.graph.node or not model.opset_import:
        missing = "a graph of operators" if not model.graph.node else "an operator set"
        raise BadModel(f"{name}: no ONNX model: it has not {missing}; copy or export it again")
    for graph in graphs_of(model.graph, name):
        if not all(isinstance(word, str) for word in _words(graph)):
            raise BadModel(f"{name}: no whole ONNX model (a name is not UTF-8); copy or export it again")
    return model


def graphs_of(graph: GraphProto, name: str = "graph", depth: int = 0) -> Iterator[GraphProto]:
    """`graph` and the graphs within its operators, at all depths.

    Raises BadModel where they are nested deeper than any control flow.
    """
    if depth > DEEPEST:
        raise BadModel(f"{name}: graphs within graphs, more than {DEEPEST} deep; export a flat network")
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                yield from graphs_of(attribute.g, name, depth + 1)
            for each in attribute.graphs:
                yield from graphs_of(each, name, depth + 1)


def external_tensors(model: ModelProto) -> list[TensorProto]:
    """The weights that stand in files beside the model."""
    tensors = (tensor for graph in graphs_of(model.graph) for tensor in graph.initializer)
    return [tensor for tensor in tensors if tensor.data_location == TensorProto.EXTERNAL]


def _words(graph: GraphProto) -> Iterator[object]:
    """Every name in `graph`; Protocol Buffers hand out bytes where one is not UTF-8."""
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        yield value.name
    for value in (*graph.input, *graph.output, *graph.value_info):
        yield from (dimension.dim_param for dimension in value.type.tensor_type.shape.dim)


def _require_within(tensor: TensorProto, path: Path) -> None:
    """Raise BadModel unless the external weights of `tensor` lie within a plain file in the model's folder."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    parts = PurePosixPath(location)
    file = path.parent / parts
    outside = not location or "\0" in location or parts.is_absolute() or ".." in parts.parts
    if outside or not file.is_file() or path.parent.resolve() not in file.resolve().parents:
        raise BadModel(f"{path}: weights of {tensor.name!r} in {location!r}; expected a file in the model's own folder")
    try:
        end = int(entries.get("offset", 0)) + int(entries.get("length", 0))
    except ValueError:
        raise BadModel(
            f"{path}: weights of {tensor.name!r}: offset and length are no numbers; export it again"
        ) from None
    if end > file.stat().st_size:
        raise BadModel(f"{path}: weights of {tensor.name!r} end beyond {location}; copy both files again")
