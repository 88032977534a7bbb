"""The smallest tensor arena in which TFLite Micro runs a model, found by running it, in another process.

TFLite Micro ends its process where an arena cannot even hold its own tables, and may where a file is damaged; as a
program (`python -m edge.simulators.arena MODEL FLOOR`) this module is that other process.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np

from edge.device.errors import Unavailable
from edge.simulators.tflite_micro import ARENA_BYTES
from edge.tflite import read_graph

STEP = 16  # bytes; TFLite Micro aligns its arena to this (MicroArenaBufferAlignment in micro_arena_constants.h)
SECONDS = 60
_REFUSED = 3  # exit code of the program: TFLite Micro said no
_ALLOCATE, _RUN = "allocate", "run"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """`arena_bytes`: the smallest arena that runs the model once, None unless it `runs`; `words`: why it does not."""

    outcome: Literal["runs", "refused", "crashed", "no answer"]
    arena_bytes: int | None = None
    words: str = ""


def smallest_arena(model: Path) -> Trial:
    """What TFLite Micro on this host makes of the TFLite file `model`, and the smallest arena it needs for that.

    Pointers are 8 bytes wide here and 4 on a microcontroller, so a board with the same kernels needs no more.
    Raises Unavailable where the package tflite-micro is missing.
    """
    if find_spec("tflite_micro") is None:
        raise Unavailable("the package tflite-micro is missing; pip install --pre tflite-micro")
    floor = 0
    while True:
        command = [sys.executable, "-m", "edge.simulators.arena", str(model), str(floor)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return Trial(outcome="no answer", words=f"no answer from TFLite Micro within {SECONDS} s")
        words = _words(done.stderr)
        if done.returncode == _REFUSED:
            return Trial(outcome="refused", words=words)
        if done.returncode == 0:
            return Trial(outcome="runs", arena_bytes=int(done.stdout.split()[-1]))
        tried = done.stdout.split()
        if tried[-2:-1] != [_ALLOCATE]:
            return Trial(outcome="crashed", words=f"its process ended with code {done.returncode} while the model ran")
        floor = int(tried[-1])  # it ends itself where its own tables do not fit: the answer lies above


def find_arena(model: Path, floor: int) -> int | None:
    """The smallest arena in steps of 16 bytes above `floor` that runs `model`; None where not even the largest does.

    Prints each size before it is tried, so that the parent knows which one ended this process.
    """
    content, inputs = model.read_bytes(), len(read_graph(model).inputs)
    if not _runs(content, inputs, ARENA_BYTES, invoke=True):
        return None
    enough = ARENA_BYTES
    while enough - floor > STEP:
        middle = (floor + enough) // 2 // STEP * STEP
        if _runs(content, inputs, middle, invoke=False):
            enough = middle
        else:
            floor = middle
    # Kernels may ask for a little more while they run.
    while not _runs(content, inputs, enough, invoke=True):
        enough += STEP
    return enough


def _runs(content: bytes, inputs: int, arena_bytes: int, *, invoke: bool) -> bool:
    from tflite_micro import runtime

    print(_RUN if invoke else _ALLOCATE, arena_bytes, flush=True)  # noqa: T201 - what the parent reads
    try:
        interpreter = runtime.Interpreter.from_bytes(content, arena_size=arena_bytes)
        if invoke:
            for index in range(inputs):
                details = interpreter.get_input_details(index)
                interpreter.set_input(np.zeros(details["shape"], details["dtype"]), index)
            interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return False
    return True


def _words(stderr: str) -> str:
    """What TFLite Micro wrote, in one line and without the allocator's tables."""
    lines = [line.strip() for line in stderr.splitlines() if not re.match(r"\s*(\[Recording|$)", line)]
    return "; ".join(dict.fromkeys(lines))[:400]


def _main() -> int:
    found = find_arena(Path(sys.argv[1]), int(sys.argv[2]))
    if found is None:
        return _REFUSED
    print(found)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(_main())
