"""trtexec, TensorRT's own command line: its arguments by version, and a build with it.

What the versions take: https://docs.nvidia.com/deeplearning/tensorrt/archives/ (8.x: samples, trtexec),
.../10.16.1/api/tensorrt-8x-to-10x-trtexec.html and .../11.0.0/api/migration/tensorrt-10x-to-11x-trtexec.html
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from edge.device.errors import Unavailable

PROGRAM = "trtexec"
PLACE = Path("/usr/src/tensorrt/bin") / PROGRAM  # of JetPack and Debian's package libnvinfer-bin, on no PATH
WORKSPACE_MIB = 256  # memory that kernels may use while they run

_BANNER = re.compile(r"\[TensorRT v(\d{4,7})\]")


def trtexec_command(
    program: str,
    version: Sequence[int],
    *,
    onnx: str,
    engine: str,
    cache: str,
    quantized: bool,
    half: bool,
    dla: bool = False,
    shapes: Sequence[str] = (),
) -> list[str]:
    """The arguments that build `engine` of the ONNX file, with explicit quantization as the file has it.

    `version`: TensorRT's, such as (10, 3, 0). `cache`: of timings, read and written. `quantized`, `half`: whether the
    file has quantizers, and float16. `shapes`: --minShapes=... and so on; without them a free batch is one.
    """
    number = tuple(version)
    command = [program, f"--onnx={onnx}", f"--saveEngine={engine}", f"--timingCacheFile={cache}"]
    if number >= (10,) and not dla:
        # From 11 on types are always as in the file, and the flag is no more.
        command += ["--stronglyTyped"] if number < (11,) else []
    else:
        command += ["--int8"] if quantized else []
        command += ["--fp16"] if half or dla else []
    command += [f"--memPoolSize=workspace:{WORKSPACE_MIB}" if number >= (8, 4) else f"--workspace={WORKSPACE_MIB}"]
    command += ["--useDLACore=0", "--allowGPUFallback"] if dla else []
    return [*command, *shapes, "--skipInference" if number >= (8, 6) else "--buildOnly"]


def find_trtexec() -> str | None:
    """Where trtexec is, None where it is not installed."""
    found = shutil.which(PROGRAM)
    return found or (str(PLACE) if PLACE.is_file() else None)


def trtexec_version(program: str) -> tuple[int, int, int]:
    """TensorRT's version by the banner of the program.

    Raises Unavailable where it does not start or prints none.
    """
    try:
        done = subprocess.run([program, "--help"], capture_output=True, text=True, errors="replace", timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{program} does not start ({error})") from None
    found = _BANNER.search(done.stdout + done.stderr)
    if found is None:
        raise Unavailable(f"{program} does not tell its version; expected [TensorRT v...] in its first line")
    return version_of(int(found[1]))


def version_of(number: int) -> tuple[int, int, int]:
    """8602 is 8.6.2, 100300 is 10.3.0: NV_TENSORRT_VERSION has had two more digits since TensorRT 10."""
    unit = 100 if number < 10_000 else 10_000
    if unit == 100:
        return number // 1000, number // 100 % 10, number % 100
    return number // unit, number // 100 % 100, number % 100


def build_with_trtexec(command: Sequence[str], engine: Path, seconds: float) -> None:
    """Run the command; raises Unavailable with its last words where `engine` does not come of it."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]}: built no engine within {seconds:g} s") from None
    except OSError as error:
        raise Unavailable(f"{command[0]} does not start ({error})") from None
    if done.returncode != 0 or not engine.is_file():
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        telling = [line for line in lines if "[E]" in line] or lines or ["it said nothing"]
        raise Unavailable(f"{command[0]}: exit {done.returncode}, no engine: {telling[0]}")
