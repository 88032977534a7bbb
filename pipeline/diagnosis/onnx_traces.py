"""ONNX files with their layers exposed, in ONNX Runtime and OpenVINO."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import Layout
from edge.device.runtimes import missing
from edge.onnx_file import read_onnx
from pipeline.diagnosis.onnx_exposure import exposed_onnx
from pipeline.diagnosis.onnx_layers import onnx_layers
from pipeline.diagnosis.tflite_traces import in_layout
from pipeline.diagnosis.traces import Answers, Array

Infer = Callable[[NDArray[np.uint8]], Mapping[str, Array]]  # all outputs by name


class OnnxTrace:
    """One picture at a time, one thread, as the proof runs it; `load` makes the exposed model ready to infer."""

    def __init__(self, file: Path, layout: Layout, load: Callable[[bytes], Infer]) -> None:
        model = read_onnx(file)
        self.layers = onnx_layers(model)
        self._layout = layout
        self._input, self._output = model.graph.input[0].name, model.graph.output[0].name
        self._infer = load(exposed_onnx(model, self.layers))

    def run(self, picture: NDArray[np.uint8]) -> Answers:
        batch = in_layout(picture, self._layout)
        found = {self._input: batch, **self._infer(batch)}
        return Answers(
            layers=tuple(found[str(layer.tensor)] for layer in self.layers),
            logits=found[self._output][0].astype(np.float32),
        )


def in_onnxruntime(content: bytes) -> Infer:
    """Ready in ONNX Runtime on one thread of the CPU."""
    try:
        import onnxruntime
    except ImportError:
        raise missing("onnxruntime") from None

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    source, names = session.get_inputs()[0].name, [each.name for each in session.get_outputs()]
    return lambda batch: dict(zip(names, session.run(names, {source: batch}), strict=True))


def in_openvino(content: bytes) -> Infer:
    """Ready in OpenVINO on one thread of the CPU, for a batch of one."""
    try:
        import openvino
    except ImportError:
        raise missing("openvino") from None

    core = openvino.Core()
    model = core.read_model(content)
    if model.input(0).partial_shape.is_dynamic:
        model.reshape([1, *(length.get_length() for length in list(model.input(0).partial_shape)[1:])])
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    names: list[Any] = [output.get_names() for output in model.outputs]

    def infer(batch: NDArray[np.uint8]) -> Mapping[str, Array]:
        request.infer([batch])
        # A tensor may have several names.
        return {
            name: np.array(request.get_output_tensor(at).data) for at, called in enumerate(names) for name in called
        }

    return infer
