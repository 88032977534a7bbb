"""The runtimes that execute an artefact's model files: raw bytes in, float32 logits out.

A runtime is what `edge.device.contract.ModelFile.runtimes` names. Each takes a model file of one uint8 input and one
output of scores; scores in integers are turned into real ones here, once, with the scale that the file itself carries.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import Layout
from edge.device.errors import BadArtifact, Unavailable

CHUNK = 64  # pictures at once in a file whose batch is free: bounds the memory for activations


class Runtime(Protocol):
    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits, float32 [n, labels], of raw pictures, uint8 [n, h, w, c].

        Raises ValueError where the pictures are not of the file's size. One runtime serves one thread at a time.
        """
        ...


def open_runtime(
    name: str,
    file: Path,
    *,
    layout: Layout = "NHWC",
    threads: int = 1,
    runtimes: Mapping[str, Callable[[Path, Layout, int], Runtime]] | None = None,
) -> Runtime:
    """Load the model `file` into the runtime called `name`, ready to run; `layout` is the file's, `run` takes NHWC.

    `runtimes` are those to choose from, RUNTIMES where they are not given.

    Raises BadArtifact where there is no such runtime or it cannot read the file, Unavailable where its package is
    missing.
    """
    known = RUNTIMES if runtimes is None else runtimes
    if name not in known:
        raise BadArtifact(f"runtime {name!r}: unknown; expected one of {', '.join(known)}")
    if not file.exists():
        raise BadArtifact(f"{file}: not there; expected a model file; export it again")
    return known[name](file, layout, threads)


class LiteRT:
    """A TFLite file of batch one."""

    def __init__(self, interpreter: Any, layout: Layout) -> None:
        self._interpreter = interpreter
        self._layout = layout
        source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        self._input, self._output = source["index"], result["index"]
        self._labels = int(result["shape"][-1])
        scale, zero_point = result["quantization"]
        self._scale = np.float32(scale or 1.0)  # a scale of 0 says that the scores are real ones already
        self._zero_point = np.float32(zero_point)

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        scores = np.empty((len(batch), self._labels), np.float32)
        interpreter = self._interpreter
        for index, picture in enumerate(in_layout(batch, self._layout)):
            interpreter.set_tensor(self._input, picture[np.newaxis])
            interpreter.invoke()
            scores[index] = interpreter.get_tensor(self._output)[0]
        return self._scale * (scores - self._zero_point)


class OnnxRuntime:
    """An ONNX file whose scores are float32; its batch may be one or free. `chunk`: pictures at once, at most."""

    def __init__(self, session: Any, layout: Layout, chunk: int = CHUNK) -> None:
        self._session = session
        self._layout = layout
        self._input = session.get_inputs()[0].name
        self._outputs = [session.get_outputs()[0].name]
        self._chunk = 1 if session.get_inputs()[0].shape[0] == 1 else chunk

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        pictures = in_layout(batch, self._layout)
        if len(pictures) == 1:
            return self._scores(pictures)
        parts = [self._scores(pictures[at : at + self._chunk]) for at in range(0, len(pictures), self._chunk)]
        return np.concatenate(parts)

    def _scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = self._session.run(self._outputs, {self._input: pictures})[0]
        return scores


class _OpenVino:
    """A compiled model of batch one: a free batch makes OpenVINO shape its kernels anew and costs speed."""

    def __init__(self, request: Any, layout: Layout) -> None:
        self._request = request
        self._layout = layout

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        pictures = np.ascontiguousarray(in_layout(batch, self._layout))
        scores = []
        for index in range(len(pictures)):
            self._request.infer([pictures[index : index + 1]], share_inputs=True)
            scores.append(self._request.get_output_tensor(0).data.copy())
        return np.concatenate(scores)


def _open_litert_reference(file: Path, layout: Layout, threads: int) -> Runtime:
    return _open_litert(file, layout, threads, reference=True)


def _open_litert_xnnpack(file: Path, layout: Layout, threads: int) -> Runtime:
    return _open_litert(file, layout, threads, reference=False)


def _open_litert(file: Path, layout: Layout, threads: int, *, reference: bool) -> Runtime:
    litert = litert_module()
    require_whole_tflite(file)
    kernels = {"experimental_op_resolver_type": _reference_kernels(litert)} if reference else {}
    try:
        # Read, not mapped: a file that is overwritten in place would take the process down with it.
        interpreter = litert.Interpreter(model_content=file.read_bytes(), num_threads=threads, **kernels)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise unreadable(file, "LiteRT", error) from error
    return LiteRT(interpreter, layout)


def litert_module() -> Any:
    """The module with LiteRT's Interpreter, by its present name or the one that it had on older boards.

    Raises Unavailable where neither is installed.
    """
    found = _imported("ai_edge_litert.interpreter") or _imported("tflite_runtime.interpreter")
    if found is None:
        raise missing("ai-edge-litert")
    return found


def _reference_kernels(litert: Any) -> Any:
    resolvers = getattr(litert, "OpResolverType", None)
    if resolvers is None:
        raise Unavailable("this tflite_runtime cannot be told to use its reference kernels; pip install ai-edge-litert")
    return resolvers.BUILTIN_REF


def _imported(name: str) -> Any | None:
    """A module, None where it is not installed; raises Unavailable where it is and cannot be loaded."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        return None
    except ImportError as error:
        raise Unavailable(f"{name}: cannot be loaded ({error}); install its package again") from None


def _open_onnxruntime(file: Path, layout: Layout, threads: int) -> Runtime:
    return OnnxRuntime(onnxruntime_session(file, threads, ["CPUExecutionProvider"]), layout)


def onnxruntime_session(file: Path, threads: int, providers: Sequence[Any]) -> Any:
    """A session of ONNX Runtime; of `providers`, the first that can computes a node.

    Raises Unavailable where the package is missing, BadArtifact where it cannot read the file.
    """
    try:
        import onnxruntime
    except ImportError:
        raise missing("onnxruntime") from None

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads leave the CPU alone
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=list(providers))
    except onnxruntime_errors() as error:
        raise unreadable(file, "ONNX Runtime", error) from error


def _open_openvino(file: Path, layout: Layout, threads: int) -> Runtime:
    try:
        import openvino
    except ImportError:
        raise missing("openvino") from None

    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",  # otherwise answers depend on whether the CPU knows bfloat16
    }
    # Its table of types is made at the first call. Two threads whose first inferences make it at once wait for each
    # other for ever, one with the table's lock and one with Python's.
    openvino.Type.u8.to_dtype()
    core = openvino.Core()
    try:
        model = core.read_model(file)
        if model.input(0).partial_shape.is_dynamic:
            model.reshape([1, *(dimension.get_length() for dimension in list(model.input(0).partial_shape)[1:])])
        compiled = core.compile_model(model, "CPU", settings)
    except (RuntimeError, ValueError) as error:
        raise unreadable(file, "OpenVINO", error) from error
    return _OpenVino(compiled.create_infer_request(), layout)


def in_layout(batch: NDArray[np.uint8], layout: Layout) -> NDArray[np.uint8]:
    """uint8 [n, h, w, c] in the file's order."""
    return batch if layout == "NHWC" else np.ascontiguousarray(batch.transpose(0, 3, 1, 2))


def require_whole_tflite(file: Path) -> None:
    """Raise BadArtifact where the head of the file is not a TFLite model's; the interpreter checks the rest."""
    with file.open("rb") as opened:
        head = opened.read(8)
    if head[4:] != b"TFL3" or struct.unpack_from("<I", head)[0] >= file.stat().st_size:
        raise BadArtifact(f"{file}: no TFLite model (its first bytes are {head!r}); export it again")


def unreadable(file: Path, runtime: str, error: Exception) -> BadArtifact:
    """The error to raise where a runtime refuses a model file."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return BadArtifact(f"{file}: {runtime} cannot read this model ({lines[0]}); export it again")


def onnxruntime_errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises of a model that it cannot load or run, which has no ancestor of its own; nothing where
    the package is missing."""
    try:
        from onnxruntime.capi import onnxruntime_pybind11_state as errors
    except ImportError:
        return ()

    return (
        errors.InvalidProtobuf,
        errors.InvalidGraph,
        errors.Fail,
        errors.NotImplemented,
        errors.RuntimeException,
        errors.InvalidArgument,
    )


def missing(package: str) -> Unavailable:
    """The error to raise where `package` cannot be imported."""
    return Unavailable(f"the package {package} is missing; pip install {package}")


RUNTIMES: dict[str, Callable[[Path, Layout, int], Runtime]] = {
    "litert-reference": _open_litert_reference,  # defines the right answer; slow
    "litert": _open_litert_xnnpack,
    "onnxruntime": _open_onnxruntime,
    "openvino": _open_openvino,
}
