"""What runs a model beside the CPU. Each kind looks whether it can be here at all, and opens a model's file.

check()                                       raises Unavailable where a part is missing; loads no driver
open_...(file, contract, threads, engines)    a Runtime; raises Unavailable, BadArtifact
    keep(file, engines)                           what was built for `file` answers: what it replaces can go
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.device.accelerators import edgetpu, onnx_providers, tensorrt
from edge.device.contract import Contract
from edge.device.runtimes import Runtime

_BUILD_SECONDS = 1500.0  # in which an engine is built, once for each model and release of TensorRT


@dataclass(frozen=True)
class Accelerator:
    """`seconds`: what a first picture may take in a process of its own. `crash`: what it means when that one dies."""

    check: Callable[[], None]
    open: Callable[[Path, Contract, int, Path], Runtime]
    seconds: float
    crash: str
    keep: Callable[[Path, Path], None] | None = None


_NVIDIA = "TensorRT, CUDA and the driver do not fit each other"

ACCELERATORS: dict[str, Accelerator] = {
    "litert-edgetpu": Accelerator(
        check=edgetpu.check,
        open=edgetpu.open_edgetpu,
        seconds=20.0,
        crash="libedgetpu and the runtime do not fit each other",
    ),
    "tensorrt": Accelerator(
        check=tensorrt.check,
        open=tensorrt.open_tensorrt,
        seconds=_BUILD_SECONDS,
        crash=_NVIDIA,
        keep=tensorrt.keep,
    ),
    "onnxruntime-tensorrt": Accelerator(
        check=onnx_providers.check_tensorrt,
        open=onnx_providers.open_tensorrt,
        seconds=_BUILD_SECONDS,
        crash=f"ONNX Runtime, {_NVIDIA}",
        keep=onnx_providers.keep_tensorrt,
    ),
    "onnxruntime-cuda": Accelerator(
        check=onnx_providers.check_cuda,
        open=onnx_providers.open_cuda,
        seconds=120.0,
        crash="ONNX Runtime, CUDA and the driver do not fit each other",
    ),
}
