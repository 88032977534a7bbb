"""Layers laid open: what they answer is what the untouched file computes inside."""

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edge.device.errors import BadArtifact
from edge.runtimes import open_runtime
from pipeline.diagnosis.tflite_traces import LiteRT, Severed
from pipeline.diagnosis.tracing import open_trace

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
