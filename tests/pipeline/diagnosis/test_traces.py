"""Layers laid open: what they answer is what the untouched file computes inside."""

import sys
from collections.abc import Iterator
from pathlib import Path

import flatbuffers
import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edge.device.errors import BadArtifact, Unavailable
from edge.runtimes import open_runtime
from pipeline.diagnosis import tflite_traces
from pipeline.diagnosis.tflite_traces import LiteRT, Severed
from pipeline.diagnosis.tracing import open_trace
from pipeline.isolate import Child

PLACES = (
    ("model.tflite", "litert-reference"),
    ("model.tflite", "litert"),
    ("model.tflite", "tflite-micro"),
    ("model.fast.onnx", "onnxruntime"),
    ("model.onnx", "onnxruntime"),
)


@pytest.mark.parametrize(("name", "runtime"), PLACES)
def test_last_answer_is_that_of_the_untouched_file(material, name: str, runtime: str) -> None:
    file = material.folder / name
    trace = open_trace(file, runtime)
    exposed = np.stack([trace.run(picture).logits for picture in material.pictures])
    np.testing.assert_array_equal(exposed, open_runtime(runtime, file).run(material.pictures))


def test_every_layer_equals_what_the_interpreter_keeps_when_asked(material) -> None:
    file, picture = material.folder / "model.tflite", material.pictures[0]
    keeping = Interpreter(
        model_path=str(file),
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    keeping.allocate_tensors()
    keeping.set_tensor(keeping.get_input_details()[0]["index"], picture[np.newaxis])
    keeping.invoke()
    trace = open_trace(file, "litert-reference")
    answers = trace.run(picture)
    assert len(trace.layers) > 5
    for layer in trace.layers:
        np.testing.assert_array_equal(answers.layers[layer.number], keeping.get_tensor(layer.tensor))


@pytest.mark.parametrize("reference", [True, False])
def test_layers_that_receive_what_they_would_answer_the_same(material, reference: bool) -> None:
    file = material.folder / "model.tflite"
    answers = LiteRT(file, reference=reference).run(material.pictures[0])
    severed = Severed(file, reference=reference).run(dict(enumerate(answers.layers)))
    for found, expected in zip(severed[1:], answers.layers[1:], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_severed_layer_sees_its_own_input_alone(material) -> None:
    file = material.folder / "model.tflite"
    answers = LiteRT(file).run(material.pictures[0])
    given = dict(enumerate(answers.layers))
    given[1] = np.zeros_like(given[1])
    severed = Severed(file).run(given)
    assert not np.array_equal(severed[2], answers.layers[2])
    np.testing.assert_array_equal(severed[3], answers.layers[3])


def test_a_runtime_without_layers_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(BadArtifact, match="cannot be looked at in verilator"):
        open_trace(tmp_path / "network.v", "verilator")


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    with Child() as child:
        yield child


def test_tflite_micro_answers_in_a_child_what_it_does_here(material, child: Child) -> None:
    file, picture = material.folder / "model.tflite", material.pictures[0]
    here, there = (open_trace(file, "tflite-micro", child=each).run(picture) for each in (None, child))
    np.testing.assert_array_equal(here.logits, there.logits)
    for mine, its in zip(here.layers, there.layers, strict=True):
        np.testing.assert_array_equal(mine, its)


def test_a_file_that_crashes_tflite_micro_is_refused_in_words(material, child: Child, tmp_path: Path) -> None:
    model = schema.ModelT.InitFromPackedBuf((material.folder / "model.tflite").read_bytes(), 0)
    graph = model.subgraphs[0]
    dense = next(each for each in reversed(graph.operators) if len(each.inputs) == 3)
    graph.tensors[dense.inputs[1]].shape = [10, 1 << 26]  # it reads on behind the file
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    file = tmp_path / "long.tflite"
    file.write_bytes(builder.Output())
    with pytest.raises(BadArtifact, match=r"tflite-micro does not run it with its layers exposed .*crashed"):
        open_trace(file, "tflite-micro", picture=material.pictures[0], child=child)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_an_operator_that_nobody_knows_is_refused_in_words(finished_run: Path, tmp_path: Path, runtime: str) -> None:
    model = onnx.load(finished_run / "export" / "jetson" / "model.onnx")
    model.graph.node[3].op_type = "Convx"
    file = tmp_path / "model.onnx"
    onnx.save(model, file)
    with pytest.raises(BadArtifact, match="with its layers exposed"):
        open_trace(file, runtime, "NCHW")


@pytest.mark.parametrize(("name", "runtime"), PLACES)
def test_a_picture_of_another_size_is_refused_in_words(material, name: str, runtime: str) -> None:
    with pytest.raises(BadArtifact, match="with its layers exposed"):
        open_trace(material.folder / name, runtime, picture=np.zeros((5, 5, 1), np.uint8))


@pytest.mark.parametrize(
    ("package", "name", "runtime"),
    [
        ("tflite_micro", "model.tflite", "tflite-micro"),
        ("onnxruntime", "model.onnx", "onnxruntime"),
        ("openvino", "model.onnx", "openvino"),
    ],
)
def test_a_package_that_is_missing_is_named(
    material, monkeypatch: pytest.MonkeyPatch, package: str, name: str, runtime: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    tflite_traces._micro_interpreter.cache_clear()
    with pytest.raises(Unavailable, match="is missing; pip install"):
        open_trace(material.folder / name, runtime, picture=material.pictures[0])
