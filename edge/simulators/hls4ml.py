"""The hls4ml project, compiled by g++ with its bit-true types: what Vitis HLS would synthesize."""

import ctypes
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import Layout
from edge.device.errors import BadArtifact
from edge.fixed_point.interface import Interface, read_interface
from edge.simulators.builds import compiled
from edge.tools import find_tool, run_tool

PROJECT = "network"
LIBRARY = "emulation.so"
FLAGS = ("-O2", "-fPIC", "-shared", "-std=c++17", "-fno-gnu-unique", "-w")
BUILD_SECONDS = 900.0


class Hls4ml:
    def __init__(self, library: ctypes.PyDLL, interface: Interface) -> None:
        self._function = library[f"{PROJECT}_double"]
        self._interface = interface

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        face = self._interface
        if batch.dtype != np.uint8 or batch.shape[1:] != face.shape:
            raise ValueError(f"pictures are {batch.dtype} {batch.shape}; expected uint8 (n, {face.shape})")
        numbers = np.ldexp(face.front.codes(batch).astype(np.float64), -face.front.format.fraction)
        logits = np.zeros((len(batch), face.labels), np.float64)
        for picture, row in zip(numbers, logits, strict=True):
            self._function(_pointer(picture), _pointer(row))
        return logits.astype(np.float32)


def open_hls4ml(folder: Path, layout: Layout, threads: int) -> Hls4ml:  # noqa: ARG001 - one form for every runtime
    """The C++ emulation of the project in `folder`, compiled where it is not in the cache.

    Raises Unavailable where g++ is missing, ConversionFailed where it refuses the project, BadArtifact where the folder
    has no project.
    """
    interface = read_interface(folder)
    compiler = find_tool("g++", "install a C++ compiler, e.g. apt install g++")
    source = folder.resolve()

    def build(place: Path) -> None:
        files = [str(source / "firmware" / f"{PROJECT}.cpp"), str(source / f"{PROJECT}_bridge.cpp")]
        weights = f'-DWEIGHTS_DIR="{source / "firmware" / "weights"}"'
        include = str(source / "firmware" / "ap_types")
        command = [compiler, *FLAGS, weights, "-I", include, *files, "-o", str(place / LIBRARY)]
        run_tool(command, folder=source, log=place / "g++.log", seconds=BUILD_SECONDS)

    # The path is compiled in: the program reads its weights from there.
    place = compiled(source, f"{' '.join(FLAGS)} {source}", build)
    try:
        # PyDLL holds Python's lock: the first call reads the weights into static arrays, once for all threads.
        return Hls4ml(ctypes.PyDLL(str(place / LIBRARY)), interface)
    except (OSError, AttributeError) as error:
        raise BadArtifact(f"{folder}: its emulation does not load ({error}); export it again") from None


def _pointer(numbers: NDArray[np.float64]) -> ctypes.c_void_p:
    return numbers.ctypes.data_as(ctypes.c_void_p)
