"""CPUs: the TFLite file for LiteRT, and its ONNX twin for ONNX Runtime and OpenVINO.

The twin repeats LiteRT's default (XNNPACK) kernels on x86 bit for bit: both scale a convolution's 32-bit sum with one
float32 multiplication and round halves to even. The reference kernels (and TFLite Micro) round twice in fixed point, so
in about one activation of 2**(shift + 1) they are one code higher; no operator that ONNX Runtime fuses can do that.
"""

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import ModelFile
from edge.device.files import sha256_of
from edge.device.runtimes import open_runtime
from edge.target import Artifact, Finding, Precision
from edge.targets.acceptance import check_pictures, precision_of
from edge.tflite import read_graph

RUNGS: tuple[Precision, ...] = ("int8-ptq", "int8-qat", "float16", "float32")
TFLITE, ONNX = "model.tflite", "model.onnx"


def check(model: Path, board: str | None) -> list[Finding]:  # noqa: ARG001 - one verb for every target
    """What speaks against the TFLite file `model` on a CPU: its input, its output and custom operators.

    Raises BadModel where the file is no TFLite model.
    """
    return check_pictures(read_graph(model))


def convert(model: Path, board: str | None, folder: Path) -> Artifact:  # noqa: ARG001
    """Write `model.tflite` (a copy) and `model.onnx` (uint8 NHWC [batch, h, w, c] in, float32 logits out).

    Raises ConversionFailed where the model has no ONNX twin.
    """
    from edge.targets.derivation.twins import cpu_twin, save_model

    shutil.copyfile(model, folder / TFLITE)
    save_model(cpu_twin(folder / TFLITE), folder / ONNX)
    precision = precision_of(read_graph(model))
    files = (
        ModelFile(file=TFLITE, sha256=sha256_of(folder / TFLITE), runtimes=("litert", "litert-reference")),
        ModelFile(file=ONNX, sha256=sha256_of(folder / ONNX), runtimes=("onnxruntime", "openvino")),
    )
    # Sums of floats depend on their order, integers' do not.
    must_equal = frozenset({"onnxruntime"} if precision.startswith("int8") else ())
    return Artifact(folder=folder, target="cpu", precision=precision, files=files, must_equal=must_equal)


def run(artifact: Artifact, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits, float32 [n, labels], of uint8 [n, h, w, c], from LiteRT's default kernels."""
    return open_runtime("litert", artifact.folder / TFLITE).run(batch)
