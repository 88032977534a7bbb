"""TensorRT itself: an engine that was built on this device, run through the Python API of TensorRT 8.6, 10 and 11."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.accelerators.cuda import Cuda, open_cuda
from edge.device.accelerators.engine import engine_of, key_of, remove_old
from edge.device.contract import Contract, Layout
from edge.device.errors import Unavailable
from edge.device.runtimes import Runtime, in_layout

MODULE = "tensorrt"

# By the name of TensorRT's own type. Its nptype() is not used: in some versions it asks for names that numpy dropped.
_TYPES: dict[str, Any] = {"UINT8": np.uint8, "FLOAT": np.float32, "HALF": np.float16}


class Engine:
    """An engine with its memory on the GPU, for one picture at a time."""

    def __init__(self, parts: Any, context: Any, cuda: Cuda, ends: tuple[str, str], layout: Layout) -> None:
        self._parts, self._context, self._cuda, self._layout = parts, context, cuda, layout
        (*_, engine), (given, wanted) = parts, ends
        self._given = np.empty(tuple(context.get_tensor_shape(given)), _type_of(engine, given))
        self._wanted = np.empty(tuple(context.get_tensor_shape(wanted)), _type_of(engine, wanted))
        self._from, self._to = cuda.allocate(self._given.nbytes), cuda.allocate(self._wanted.nbytes)
        context.set_tensor_address(given, self._from)
        context.set_tensor_address(wanted, self._to)

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        pictures = in_layout(batch, self._layout)
        if pictures.shape[1:] != self._given.shape[1:]:
            raise ValueError(f"pictures of {pictures.shape[1:]}, the engine takes {self._given.shape[1:]}")
        scores = np.empty((len(batch), self._wanted.shape[-1]), np.float32)
        for index in range(len(pictures)):
            self._given[0] = pictures[index]
            self._cuda.to_device(self._from, self._given)
            if not self._context.execute_async_v3(self._cuda.stream):
                raise Unavailable("TensorRT did not run the engine; its own messages say why")
            self._cuda.to_host(self._wanted, self._to)
            self._cuda.wait()
            scores[index] = self._wanted[0]
        return scores


def check() -> None:
    """Raise Unavailable where TensorRT's Python module is missing."""
    if find_spec(MODULE) is None:
        raise Unavailable(f"the module {MODULE} is missing; with JetPack: sudo apt install python3-libnvinfer")


def open_tensorrt(file: Path, contract: Contract, threads: int, engines: Path) -> Runtime:  # noqa: ARG001 - as its siblings
    """The engine of the ONNX `file`, which is built into `engines` where none fits this TensorRT and GPU.

    Raises Unavailable where TensorRT does not start, build or load.
    """
    trt = tensorrt_module()
    path = engine_of(file, key_of(file, trt.__version__), engines, contract)
    logger = trt.Logger(trt.Logger.WARNING)
    runtime = trt.Runtime(logger)
    engine = runtime.deserialize_cuda_engine(path.read_bytes())
    if engine is None:
        path.unlink()
        raise Unavailable(f"{path.name}: TensorRT does not load it; it was removed, and is built again the next time")
    context = engine.create_execution_context()
    names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
    inputs = [name for name in names if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT]
    outputs = [name for name in names if name not in inputs]
    if len(inputs) != 1 or len(outputs) != 1:
        raise Unavailable(f"{path.name}: inputs {inputs}, outputs {outputs}; expected one of each")
    if not context.set_input_shape(inputs[0], contract.input.shape):
        raise Unavailable(f"{path.name}: takes no input of {contract.input.shape}")
    parts = (logger, runtime, engine)  # TensorRT wants them to outlive the context
    return Engine(parts, context, open_cuda(), (inputs[0], outputs[0]), contract.input.layout)


def keep(file: Path, engines: Path) -> None:
    """Remove the engines that the one of `file`, which has answered, replaces."""
    remove_old(engines, key_of(file, tensorrt_module().__version__).engine)


def tensorrt_module() -> Any:
    """Raises Unavailable where the module cannot be imported."""
    try:
        return import_module(MODULE)
    except (ImportError, OSError) as error:
        raise Unavailable(f"the module {MODULE} cannot be imported ({error}); see docs/jetson.md") from None


def _type_of(engine: Any, name: str) -> Any:
    kind = engine.get_tensor_dtype(name).name
    if kind not in _TYPES:
        raise Unavailable(f"the engine's {name} is of {kind}; expected {', '.join(_TYPES)}")
    return _TYPES[kind]
