"""ONNX Runtime's execution providers for NVIDIA's GPUs: TensorRT and CUDA."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

from edge.device.accelerators.build_engine import gpu_architecture
from edge.device.accelerators.engine import remove_old
from edge.device.contract import Contract
from edge.device.errors import Unavailable
from edge.device.files import sha256_of
from edge.device.runtimes import OnnxRuntime, Runtime, missing, onnxruntime_session

TENSORRT = "TensorrtExecutionProvider"
CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"

_LIBRARIES = ("libnvinfer.so.11", "libnvinfer.so.10", "libnvinfer.so.8")


def check_tensorrt() -> None:
    """Raise Unavailable where this ONNX Runtime was built without TensorRT."""
    _check(TENSORRT)


def check_cuda() -> None:
    """Raise Unavailable where this ONNX Runtime was built without CUDA."""
    _check(CUDA)


def open_tensorrt(file: Path, contract: Contract, threads: int, engines: Path) -> Runtime:
    """`file` in TensorRT where it can, else on the GPU, else on the CPU. Its engine is built once, into `engines`.

    Raises Unavailable where ONNX Runtime falls back to another provider.
    """
    cache = engines / cache_name(file)
    cache.mkdir(parents=True, exist_ok=True)
    session = onnxruntime_session(file, threads, [(TENSORRT, tensorrt_options(contract, cache)), CUDA, CPU])
    # One picture at a time: for each larger batch TensorRT would build another engine.
    return OnnxRuntime(_with(session, TENSORRT), contract.input.layout, chunk=1)


def open_cuda(file: Path, contract: Contract, threads: int, engines: Path) -> Runtime:  # noqa: ARG001 - as its siblings
    """`file` on the GPU where CUDA has the operator, else on the CPU.

    Raises Unavailable where ONNX Runtime falls back to the CPU.
    """
    return OnnxRuntime(_with(onnxruntime_session(file, threads, [CUDA, CPU]), CUDA), contract.input.layout)


def tensorrt_options(contract: Contract, cache: Path) -> dict[str, str]:
    """Settings of the provider, as onnxruntime.ai/docs/execution-providers/TensorRT-ExecutionProvider.html names them.

    The engine and the times that its building measured are kept in `cache`.
    """
    shape = f"{contract.input.name}:{'x'.join(map(str, contract.input.shape))}"
    options = {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(cache),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(cache),
        "trt_profile_min_shapes": shape,
        "trt_profile_opt_shapes": shape,
        "trt_profile_max_shapes": shape,
    }
    # Without them TensorRT before 11 refuses files that hold such types.
    if contract.precision.startswith("int8"):
        options["trt_int8_enable"] = "1"
    if contract.precision == "float16":
        options["trt_fp16_enable"] = "1"
    return options


def keep_tensorrt(file: Path, engines: Path) -> None:
    """Remove the engines that the one of `file`, which has answered, replaces."""
    remove_old(engines, cache_name(file))


def cache_name(file: Path) -> str:
    """What an engine of the provider depends on: an upgraded ONNX Runtime, TensorRT or GPU finds none, and builds."""
    import onnxruntime

    return f"{sha256_of(file)[:16]}.ort{onnxruntime.__version__}.trt{_tensorrt_number()}.{gpu_architecture()}"


def _check(provider: str) -> None:
    try:
        import onnxruntime
    except ImportError:
        raise missing("onnxruntime-gpu") from None

    found = onnxruntime.get_available_providers()
    if provider not in found:
        raise Unavailable(
            f"this ONNX Runtime {onnxruntime.__version__} has no {provider} (it has {', '.join(found)}); "
            "install NVIDIA's build for this JetPack, see docs/jetson.md"
        )


def _with(session: Any, provider: str) -> Any:
    """The session; raises Unavailable unless `provider` is in use: one that fails is left out without an error."""
    found = session.get_providers()
    if provider not in found:
        raise Unavailable(
            f"ONNX Runtime could not start {provider} and would have used {found[0]}; its own warning says why"
        )
    return session


def _tensorrt_number() -> str:
    """TensorRT's version as its library has it, such as 100300 for 10.3.0; "-unknown" where none is found."""
    return next(filter(None, map(_number_of, _LIBRARIES)), "-unknown")


def _number_of(library: str) -> str:
    try:
        return str(ctypes.CDLL(library).getInferLibVersion())
    except (OSError, AttributeError):
        return ""
