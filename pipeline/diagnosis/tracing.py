"""Opening a trace of a file: which runtimes let their layers be looked at."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from edge.device.contract import Layout
from edge.device.errors import BadArtifact
from pipeline.diagnosis.onnx_traces import OnnxTrace, in_onnxruntime, in_openvino
from pipeline.diagnosis.tflite_traces import LiteRT, TfliteMicro
from pipeline.diagnosis.traces import Trace
from pipeline.quiet import silent_stderr

# By the end of a file's name and the runtime.
_TRACED: dict[tuple[str, str], Callable[[Path, Layout], Trace]] = {
    (".tflite", "litert-reference"): partial(LiteRT, reference=True),
    (".tflite", "litert"): LiteRT,
    (".tflite", "tflite-micro"): TfliteMicro,
    (".onnx", "onnxruntime"): partial(OnnxTrace, load=in_onnxruntime),
    (".onnx", "openvino"): partial(OnnxTrace, load=in_openvino),
}


def can_trace(file: Path, runtime: str) -> bool:
    """Whether the layers of `file` can be looked at in `runtime`."""
    return (file.suffix, runtime) in _TRACED


def open_trace(file: Path, runtime: str, layout: Layout = "NHWC") -> Trace:
    """Load a copy of `file` whose layers are all outputs into `runtime`; `layout` is of its input.

    Raises BadArtifact where it cannot be looked at there, BadModel where it is no whole model.
    """
    if not can_trace(file, runtime):
        raise BadArtifact(
            f"{file}: its layers cannot be looked at in {runtime}; TFLite files in litert, litert-reference or "
            "tflite-micro and ONNX files in onnxruntime or openvino can"
        )
    try:
        with silent_stderr():
            return _TRACED[file.suffix, runtime](file, layout)
    except (RuntimeError, ValueError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise BadArtifact(f"{file}: {runtime} does not run it with its layers exposed ({lines[0]})") from error
