"""The Verilog byte stream, compiled and run clock by clock by Verilator."""

import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import Layout
from edge.device.errors import BadArtifact
from edge.fixed_point.interface import Interface, read_interface
from edge.simulators.builds import compiled
from edge.tools import find_tool, run_tool

HARNESS = Path(__file__).with_name("stream_harness.cpp")
PROGRAM = "simulation"
BUILD_SECONDS = 900.0
RUN_SECONDS = 900.0


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What the stream sent: labels uint8 [n], logits float32 [n, labels], and clocks from last byte in to first out."""

    labels: NDArray[np.uint8]
    logits: NDArray[np.float32]
    clocks: int


class Verilator:
    def __init__(self, program: Path, interface: Interface) -> None:
        self._program = program
        self._interface = interface

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.stream(batch).logits

    def stream(self, batch: NDArray[np.uint8]) -> Answers:
        """What the stream sends for pictures, uint8 [n, h, w, c].

        Raises ValueError where they are not of the network's shape, BadArtifact where the simulation stops.
        """
        face = self._interface
        if batch.dtype != np.uint8 or batch.shape[1:] != face.shape:
            raise ValueError(f"pictures are {batch.dtype} {batch.shape}; expected uint8 (n, {face.shape})")
        width = logit_bytes(face)
        answer = 1 + face.labels * width
        done = subprocess.run(
            [str(self._program), str(int(np.prod(face.shape))), str(answer)],
            input=batch.tobytes(), capture_output=True, timeout=RUN_SECONDS, check=False,
        )  # fmt: skip
        if done.returncode != 0 or len(done.stdout) != len(batch) * answer:
            raise BadArtifact(f"the simulated stream stopped (code {done.returncode}); export it again")
        rows = np.frombuffer(done.stdout, np.uint8).reshape(len(batch), answer)
        codes = _signed(rows[:, 1:].reshape(len(batch), face.labels, width))
        return Answers(
            labels=rows[:, 0],
            logits=np.ldexp(codes.astype(np.float64), -face.logits.fraction).astype(np.float32),
            clocks=max(map(int, done.stderr.split()), default=0),
        )


def open_verilator(folder: Path, layout: Layout, threads: int) -> Verilator:  # noqa: ARG001 - one form for every runtime
    """The stream of the Verilog in `folder`, compiled where it is not in the cache.

    Raises Unavailable where Verilator or a C++ compiler is missing, ConversionFailed where they refuse the Verilog,
    BadArtifact where the folder has no interface.
    """
    interface = read_interface(folder)
    verilator = find_tool("verilator-cli", "make setup-fpga")
    find_tool("g++", "install a C++ compiler, e.g. apt install g++")
    find_tool("make", "install make, e.g. apt install make")

    def build(place: Path) -> None:
        sources = [str(file.resolve()) for file in sorted(folder.glob("*.v"))]
        command = [
            *(verilator, "--cc", "--exe", "--build", "-j", "2", "-O3", "-Wno-fatal", "-Wno-lint", "-Wno-style"),
            *("-CFLAGS", "-O1", "-MAKEFLAGS", "OPT_GLOBAL=-O0"),
            # The wheel was configured without the flag that includes a precompiled header.
            *("-MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include"),
            *("--top-module", "stream", f"-I{folder.resolve()}", *sources, str(HARNESS)),
            *("--Mdir", str(place / "objects"), "-o", str(place.resolve() / PROGRAM)),
        ]
        run_tool(command, folder=place, log=place / "verilator.log", seconds=BUILD_SECONDS)

    place = compiled(folder, f"verilator {_version()} {HARNESS.read_text()}", build)
    return Verilator(place / PROGRAM, interface)


def logit_bytes(interface: Interface) -> int:
    """Bytes of one logit in the answer: at least one bit more than it needs, so that it is signed."""
    return interface.logits.bits // 8 + 1


def _signed(parts: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Two's complement integers of bytes, lowest first, along the last axis."""
    width = parts.shape[-1]
    codes = (parts.astype(np.int64) << (8 * np.arange(width))).sum(axis=-1)
    signed: NDArray[np.int64] = np.where(codes >= 1 << (8 * width - 1), codes - (1 << (8 * width)), codes)
    return signed


def _version() -> str:
    try:
        return version("verilator")
    except PackageNotFoundError:  # the system's own
        return "unknown"
