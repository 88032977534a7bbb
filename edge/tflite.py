"""A TFLite file as plain values: tensors, operators, and how they are quantized. Reads only; needs no TensorFlow.

Format: https://github.com/google-ai-edge/LiteRT/blob/main/tflite/converter/schema/schema.fbs
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.device.errors import BadModel, Unavailable

IDENTIFIER = b"TFL3"
# What flatbuffers' generated readers raise where an offset or a length leads out of the file.
UNREADABLE = (struct.error, IndexError, ValueError, TypeError, OverflowError, AttributeError, MemoryError)


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One tensor; its real value is `scale * (code - zero_point)` where `scales` is not empty."""

    index: int
    name: str
    shape: tuple[int, ...]
    dynamic: bool  # a length that is known only when the model runs
    dtype: str  # e.g. "INT8", "FLOAT32"
    scales: tuple[float, ...]  # one, or one for each channel along `axis`
    zero_points: tuple[int, ...]
    axis: int
    constant: bool
    data: bytes = field(default=b"", repr=False, compare=False)  # of a constant, as it stands in the file
    external: bool = False  # its data stand behind the FlatBuffer or in another file, where old readers do not look


@dataclass(frozen=True, kw_only=True)
class Operator:
    index: int
    name: str  # e.g. "CONV_2D", "CUSTOM:edgetpu-custom-op"
    code: int
    version: int
    inputs: tuple[int, ...]  # indices into Graph.tensors; -1 for an optional input that is absent
    outputs: tuple[int, ...]
    options: Mapping[str, Any]
    custom_options: bytes = field(default=b"", repr=False, compare=False)  # of an operator called "CUSTOM:..."

    def __str__(self) -> str:
        return f"{self.name} #{self.index}"


@dataclass(frozen=True, kw_only=True)
class Graph:
    """The main subgraph; `subgraphs` counts all of them (more than one: control flow)."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraphs: int

    @property
    def input(self) -> Tensor:
        return self.tensors[self.inputs[0]]

    @property
    def output(self) -> Tensor:
        return self.tensors[self.outputs[0]]

    def activations(self, operator: Operator) -> tuple[Tensor, ...]:
        """The tensors that `operator` reads and writes and that are not constants."""
        tensors = (self.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0)
        return tuple(tensor for tensor in tensors if not tensor.constant)


def read_graph(path: Path) -> Graph:
    """The graph of a TFLite file.

    Raises BadModel where the file is missing or is no whole TFLite model, Unavailable where ai-edge-litert is missing.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadModel(f"{path}: not readable ({error.strerror}); expected a TFLite model") from None
    return parse_graph(content, str(path))


def parse_graph(content: bytes, name: str) -> Graph:
    """The graph of a TFLite model in memory; `name` stands in messages.

    Raises as `read_graph`.
    """
    try:
        from ai_edge_litert import schema_py_generated as schema
    except ImportError:
        raise Unavailable("the package ai-edge-litert is missing; pip install ai-edge-litert") from None

    if content[4:8] != IDENTIFIER:
        raise BadModel(f"{name}: no TFLite model (bytes 4 to 8 are {content[4:8]!r}, expected {IDENTIFIER!r})")
    if struct.unpack_from("<I", content)[0] >= len(content):
        raise BadModel(f"{name}: cut short at {len(content)} bytes; copy or convert it again")
    try:
        model = schema.ModelT.InitFromPackedBuf(content, 0)
        graph = model.subgraphs[0]
        read = Graph(
            tensors=tuple(_tensor(schema, model, index, tensor) for index, tensor in enumerate(graph.tensors)),
            operators=tuple(_operator(schema, model, index, each) for index, each in enumerate(graph.operators)),
            inputs=_integers(graph.inputs),
            outputs=_integers(graph.outputs),
            subgraphs=len(model.subgraphs),
        )
        _require_tensors(read)
    except UNREADABLE as error:
        raise BadModel(f"{name}: not a whole TFLite model ({error}); copy or convert it again") from error
    return read


def _require_tensors(graph: Graph) -> None:
    """Raise IndexError where a tensor is named that is not there; -1 stands for an absent input."""
    inputs = {index for operator in graph.operators for index in operator.inputs} - {-1}
    outputs = {index for operator in graph.operators for index in operator.outputs}
    for index in {*inputs, *outputs, *graph.inputs, *graph.outputs}:
        if not 0 <= index < len(graph.tensors):
            raise IndexError(f"tensor {index} of {len(graph.tensors)}")


def _tensor(schema: Any, model: Any, index: int, tensor: Any) -> Tensor:
    quantization = tensor.quantization
    buffer = model.buffers[tensor.buffer]
    data = buffer.data
    shape = _integers(tensor.shape)
    signature = tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature
    return Tensor(
        index=index,
        name=_text(tensor.name),
        shape=shape,
        dynamic=any(length < 0 for length in _integers(signature)),
        dtype=_name_in(schema.TensorType, tensor.type),
        scales=() if quantization is None or quantization.scale is None else tuple(map(float, quantization.scale)),
        zero_points=() if quantization is None else _integers(quantization.zeroPoint),
        axis=0 if quantization is None else quantization.quantizedDimension,
        constant=data is not None and (len(data) > 0 or 0 in shape),  # of an activation there are no data at all
        data=b"" if data is None else bytes(data),
        external=buffer.offset > 1 or bool(getattr(tensor, "externalBuffer", 0)),  # schema.fbs: 0 and 1 mean inside
    )


def _operator(schema: Any, model: Any, index: int, operator: Any) -> Operator:
    declared = model.operatorCodes[operator.opcodeIndex]
    code = max(declared.builtinCode, declared.deprecatedBuiltinCode)  # the older field holds codes below 127
    name = _name_in(schema.BuiltinOperator, code)
    if code == schema.BuiltinOperator.CUSTOM:
        name = f"CUSTOM:{_text(declared.customCode)}"
    return Operator(
        index=index,
        name=name,
        code=code,
        version=declared.version,
        inputs=_integers(operator.inputs),
        outputs=_integers(operator.outputs),
        options={} if operator.builtinOptions is None else dict(vars(operator.builtinOptions)),
        custom_options=b"" if operator.customOptions is None else bytes(operator.customOptions),
    )


def _integers(values: Any) -> tuple[int, ...]:
    return () if values is None else tuple(int(value) for value in values)


def _text(value: bytes | str | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def _name_in(names: Any, number: int) -> str:
    return next((name for name, value in vars(names).items() if value == number), str(number))
