"""Every runtime of the host: those that devices have too, and interpreters and simulators that only a host has."""

from collections.abc import Callable
from pathlib import Path

from edge.device.contract import Layout
from edge.device.runtimes import RUNTIMES as DEVICE_RUNTIMES
from edge.device.runtimes import Runtime
from edge.device.runtimes import open_runtime as open_device_runtime
from edge.simulators.da4ml import open_da4ml
from edge.simulators.fixed_point import open_fixed_point
from edge.simulators.hls4ml import open_hls4ml
from edge.simulators.saved_model import open_saved_model
from edge.simulators.tflite_micro import open_tflite_micro
from edge.simulators.verilator import open_verilator

# By name: opens (file, layout, threads); the file may be a folder. Their speed here says nothing of a device.
SIMULATORS: dict[str, Callable[[Path, Layout, int], Runtime]] = {
    "tflite-micro": open_tflite_micro,
    "tensorflow": open_saved_model,
    "fixed-point": open_fixed_point,
    "da4ml": open_da4ml,
    "verilator": open_verilator,
    "hls4ml": open_hls4ml,
}

RUNTIMES = {**DEVICE_RUNTIMES, **SIMULATORS}


def open_runtime(name: str, file: Path, *, layout: Layout = "NHWC", threads: int = 1) -> Runtime:
    """Load the model `file` into the runtime called `name`, as `edge.device.runtimes.open_runtime` does.

    Raises BadArtifact where there is no such runtime or it cannot read the file, Unavailable where its package is
    missing.
    """
    return open_device_runtime(name, file, layout=layout, threads=threads, runtimes=RUNTIMES)
