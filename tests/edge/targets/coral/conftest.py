"""Small graphs made by hand, and a stand-in for Google's closed compiler."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import flatbuffers
import numpy as np
import pytest

from edge.targets.coral.compiler import COMPILER
from edge.tflite import Graph, Operator, Tensor

Build = Callable[..., Graph]


@pytest.fixture(scope="session")
def tensor() -> Callable[..., Tensor]:
    """A tensor of `shape`: 8-bit and quantized, or constant where `data` are given."""

    def make(*shape: int, dtype: str = "INT8", data: object = None, scales: int = 1, **changes: object) -> Tensor:
        values = {
            "index": 0,
            "name": "t",
            "shape": shape,
            "dynamic": False,
            "dtype": dtype,
            "scales": (0.1,) * scales if dtype in ("INT8", "UINT8", "INT16") else (),
            "zero_points": (0,) * scales,
            "axis": 0,
            "constant": data is not None,
            "data": b"" if data is None else np.asarray(data).tobytes(),
        }
        return Tensor(**{**values, **changes})

    return make


@pytest.fixture(scope="session")
def single() -> Build:
    """A graph of one operator that reads `inputs` and writes `output`."""

    def make(
        name: str, inputs: list[Tensor], output: Tensor, *, version: int = 1, code: int = 0, **options: object
    ) -> Graph:
        tensors = tuple(_numbered([*inputs, output]))
        reads = tuple(range(len(inputs)))
        operator = Operator(
            index=0, name=name, code=code, version=version, inputs=reads, outputs=(len(inputs),), options=options
        )
        data = tuple(index for index in reads if not tensors[index].constant)
        return Graph(tensors=tensors, operators=(operator,), inputs=data, outputs=operator.outputs, subgraphs=1)

    return make


def _numbered(tensors: list[Tensor]) -> list[Tensor]:
    return [replace(each, index=index) for index, each in enumerate(tensors)]


@pytest.fixture(scope="session")
def package() -> Callable[..., bytes]:
    """The options of an edgetpu-custom-op: a DarwiNN package with parameters of these sizes."""

    def executable(kind: int, size: int) -> bytes:
        builder = flatbuffers.Builder(size + 256)
        parameters = builder.CreateByteVector(bytes(size))
        builder.StartObject(14)
        builder.PrependUOffsetTRelativeSlot(6, parameters, 0)
        builder.PrependInt16Slot(13, kind, 0)
        builder.Finish(builder.EndObject())
        return bytes(builder.Output())

    def make(cached: int, streamed: int) -> bytes:
        builder = flatbuffers.Builder(cached + streamed + 1024)
        parts = [builder.CreateString(executable(1, cached)), builder.CreateString(executable(2, streamed))]
        builder.StartVector(4, len(parts), 4)
        for part in reversed(parts):
            builder.PrependUOffsetTRelative(part)
        vector = builder.EndVector()
        builder.StartObject(1)
        builder.PrependUOffsetTRelativeSlot(0, vector, 0)
        builder.Finish(builder.EndObject())
        inner = bytes(builder.Output())
        builder = flatbuffers.Builder(len(inner) + 256)
        content = builder.CreateByteVector(inner)
        builder.StartObject(8)
        builder.PrependInt32Slot(0, 14, 0)
        builder.PrependUOffsetTRelativeSlot(1, content, 0)
        builder.Finish(builder.EndObject(), file_identifier=b"DWN1")
        return b"\x00flexbuffer key\x00" + bytes(builder.Output()) + b"\x01\x02\x25"

    return make


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put a program called edgetpu_compiler, of this Python text, on PATH."""

    def put(text: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        program = folder / COMPILER
        program.write_text(f"#!{sys.executable}\n{text}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        return program

    return put


@pytest.fixture
def stand_in(install: Callable[[str], Path], package: Callable[..., bytes], tmp_path: Path) -> Callable[..., Path]:
    """An edgetpu_compiler that replaces all but the last `left` operators by one edgetpu-custom-op.

    Google's program is closed and runs on one kind of machine; this one writes a genuine TFLite file and the log's
    lines as they stand in public issues (google-coral/edgetpu#512).
    """

    def put(*, left: int = 0, cached: int = 4608, streamed: int = 0, change: str = "", log: str = "") -> Path:
        options = tmp_path / "options.bin"
        options.write_bytes(package(cached, streamed))
        return install(STAND_IN.format(left=left, options=str(options), cached=cached, change=change, log=log))

    return put


STAND_IN = """
import sys
from collections import Counter
from pathlib import Path

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

out_dir, source = Path(sys.argv[sys.argv.index("--out_dir") + 1]), Path(sys.argv[-1])
model = schema.ModelT.InitFromPackedBuf(source.read_bytes(), 0)
graph = model.subgraphs[0]
names = {{value: name for name, value in vars(schema.BuiltinOperator).items()}}
kind = lambda each: names[max((c := model.operatorCodes[each.opcodeIndex]).builtinCode, c.deprecatedBuiltinCode)]
cut = len(graph.operators) - {left}
mapped, rest = graph.operators[:cut], graph.operators[cut:]
code = schema.OperatorCodeT()
code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
code.customCode, code.version = b"edgetpu-custom-op", 1
model.operatorCodes.append(code)
custom = schema.OperatorT()
custom.opcodeIndex = len(model.operatorCodes) - 1
custom.inputs = list(graph.inputs)
custom.outputs = list(mapped[-1].outputs)
custom.customOptions = list(Path({options!r}).read_bytes())
rows = [(name, count, "Mapped to Edge TPU") for name, count in Counter(map(kind, mapped)).items()]
rows += [(name, count, "More than one subgraph is not supported") for name, count in Counter(map(kind, rest)).items()]
graph.operators = [custom, *rest]
{change}
builder = flatbuffers.Builder(1024)
builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
compiled = out_dir / (source.stem + "_edgetpu.tflite")
compiled.write_bytes(bytes(builder.Output()))
print("Edge TPU Compiler version 16.0.384591198")
print("Started a compilation timeout timer of 180 seconds.\\n")
print("Model compiled successfully in 35 ms.\\n")
print("Input model:", source)
print("On-chip memory used for caching model parameters: %.2fKiB" % ({cached} / 1024))
print("On-chip memory remaining for caching model parameters: 7.67MiB")
print("Off-chip memory used for streaming uncached model parameters: 0.00B")
print("Number of Edge TPU subgraphs: 1")
print("Operation log:", compiled.with_suffix(".log"), "\\n")
table = "Operator                       Count      Status\\n\\n"
table += "".join(f"{{name:<31}}{{count:<11}}{{status}}\\n" for name, count, status in rows) + {log!r}
print(table)
compiled.with_suffix(".log").write_text(table)
"""
