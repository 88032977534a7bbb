"""Pictures as a model file wants them, so that files of all makers are asked in the same way."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import BadModel
from pipeline.bench.subject import Subject

Array = NDArray[Any]


def prepare(file: Path, subject: Subject, pictures: NDArray[np.uint8]) -> Array:
    """Raw `pictures`, uint8 [n, h, w, c], as the input of the model `file`: its type, and its order of axes.

    TFLite: integers by the input's own scale, or real numbers. Others: real numbers, in ONNX channels first.
    Raises BadModel where the input of a TFLite file is of a type that pictures are not made of.
    """
    numbers = subject.numbers(pictures)
    if file.suffix == ".tflite":
        return _tflite_input(file, numbers)
    return np.ascontiguousarray(numbers.transpose(0, 3, 1, 2)) if file.suffix == ".onnx" else numbers


def _tflite_input(file: Path, numbers: NDArray[np.float32]) -> Array:
    from edge.tflite import read_graph

    source = read_graph(file).input
    if source.dtype == "FLOAT32":
        return numbers
    if source.dtype not in ("INT8", "UINT8") or not source.scales:
        raise BadModel(f"{file}: its input is {source.dtype}; expected FLOAT32, INT8 or UINT8 with a scale")
    dtype = np.int8 if source.dtype == "INT8" else np.uint8
    codes = np.round(numbers / np.float32(source.scales[0])) + source.zero_points[0]
    limits = np.iinfo(dtype)
    return codes.clip(limits.min, limits.max).astype(dtype)
