"""Opening a trace of a file: which runtimes let their layers be looked at."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx.shape_inference import InferenceError

from edge.device.contract import Layout
from edge.device.errors import BadArtifact, ConversionFailed
from edge.device.runtimes import onnxruntime_errors
from pipeline.diagnosis.onnx_traces import OnnxTrace, in_onnxruntime, in_openvino
from pipeline.diagnosis.tflite_traces import LiteRT, TfliteMicro
from pipeline.diagnosis.traces import Trace
from pipeline.isolate import Child
from pipeline.quiet import silent_stderr

# By the end of a file's name and the runtime.
_TRACED: dict[tuple[str, str], Callable[[Path, Layout], Trace]] = {
    (".tflite", "litert-reference"): partial(LiteRT, reference=True),
    (".tflite", "litert"): LiteRT,
    (".tflite", "tflite-micro"): TfliteMicro,
    (".onnx", "onnxruntime"): partial(OnnxTrace, load=in_onnxruntime),
    (".onnx", "openvino"): partial(OnnxTrace, load=in_openvino),
}
# What readers and runtimes raise of a file that is damaged, or says what cannot be.
_REFUSALS = (RuntimeError, ValueError, LookupError, TypeError, InferenceError, ConversionFailed)


def can_trace(file: Path, runtime: str) -> bool:
    """Whether the layers of `file` can be looked at in `runtime`."""
    return (file.suffix, runtime) in _TRACED


def open_trace(
    file: Path,
    runtime: str,
    layout: Layout = "NHWC",
    *,
    picture: NDArray[np.uint8] | None = None,
    child: Child | None = None,
) -> Trace:
    """Load a copy of `file` whose layers are all outputs into `runtime`; `layout` is of its input.

    `picture`, uint8 [h, w, c], is run once where it is given, so that what does not run is told here. TFLite Micro
    runs in `child`, which it may crash.
    Raises BadArtifact where it cannot be looked at there, BadModel where it is no whole model, Unavailable where the
    runtime's package is missing.
    """
    if not can_trace(file, runtime):
        raise BadArtifact(
            f"{file}: its layers cannot be looked at in {runtime}; TFLite files in litert, litert-reference or "
            "tflite-micro and ONNX files in onnxruntime or openvino can"
        )
    opened = partial(TfliteMicro, child=child) if runtime == "tflite-micro" else _TRACED[file.suffix, runtime]
    try:
        with silent_stderr():
            trace = opened(file, layout)
            if picture is not None:
                trace.run(picture)
    except _refusals(runtime) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise BadArtifact(f"{file}: {runtime} does not run it with its layers exposed ({lines[0]})") from error
    return trace


def _refusals(runtime: str) -> tuple[type[Exception], ...]:
    return (*_REFUSALS, *onnxruntime_errors()) if runtime == "onnxruntime" else _REFUSALS
