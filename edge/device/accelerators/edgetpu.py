"""Coral's Edge TPU: LiteRT with libedgetpu as its delegate. It runs the compiled file alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from edge.device.contract import Contract
from edge.device.errors import Unavailable
from edge.device.runtimes import LiteRT, Runtime, litert_module, require_whole_tflite

LIBRARY = "libedgetpu.so.1"
VARIABLE = "EDGEWISE_EDGETPU_LIBRARY"  # where another one is to be loaded


def check() -> None:
    """Raise Unavailable where LiteRT is missing."""
    litert_module()


def open_edgetpu(file: Path, contract: Contract, threads: int, engines: Path) -> Runtime:  # noqa: ARG001 - as its siblings
    """`file` on the Edge TPU, and what the compiler left of it on the CPU.

    A libedgetpu that was built for another TFLite than the runtime ends the process: open it in the probe first.
    Raises Unavailable where libedgetpu or the Edge TPU is missing.
    """
    require_whole_tflite(file)
    litert = litert_module()
    delegate = _delegate(litert)
    try:
        interpreter = litert.Interpreter(
            model_content=file.read_bytes(), experimental_delegates=[delegate], num_threads=threads
        )
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise Unavailable(f"{file.name}: the Edge TPU does not take it ({_first_line(error)})") from None
    return LiteRT(interpreter, contract.input.layout)


def _delegate(litert: Any) -> Any:
    library = os.environ.get(VARIABLE, LIBRARY)
    try:
        return litert.load_delegate(library)
    except OSError as error:
        raise Unavailable(f"{library} cannot be loaded ({error}); install libedgetpu as docs/coral.md says") from None
    except ValueError as error:
        reason = _first_line(error)
        raise Unavailable(
            f"no Edge TPU answers ({reason}); is it plugged in, has no other process it, may this user open it?"
        ) from None


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
