"""CPUs: the TFLite file for LiteRT, and ONNX derived from it for ONNX Runtime and OpenVINO.

Two families of int8 kernels exist. The reference kernels, TFLite Micro among them, scale a sum twice in fixed point;
the fast ones (LiteRT's XNNPACK, ONNX Runtime, TensorRT) once in float32, so that now and then an activation is one code
lower. `model.onnx` repeats the first to the bit, so that a server can answer just as a microcontroller does;
`model.fast.onnx` repeats the second.
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
from edge.tflite import Graph, read_graph

RUNGS: tuple[Precision, ...] = ("int8-ptq", "int8-qat", "float16", "float32")
TFLITE, ONNX, FAST_ONNX = "model.tflite", "model.onnx", "model.fast.onnx"


def check(model: Path, board: str | None) -> list[Finding]:  # noqa: ARG001 - one verb for every target
    """What speaks against the TFLite file `model` on a CPU: its input, its output, custom operators; a warning where
    it has no ONNX that equals the reference kernels.

    Raises BadModel where the file is no TFLite model.
    """
    graph = read_graph(model)
    findings = check_pictures(graph)
    inexact = _inexact_operators(graph)
    if inexact:
        reason = f"no exact ONNX for {', '.join(inexact)}; {ONNX} is left out"
        findings.append(
            Finding(severity="warning", operator="twin", reason=reason, fix=f"{FAST_ONNX} and LiteRT remain")
        )
    return findings


def convert(model: Path, board: str | None, folder: Path) -> Artifact:  # noqa: ARG001
    """Write `model.tflite` (a copy) and its ONNX, uint8 NHWC [batch, h, w, c] in and float32 logits out.

    int8: `model.onnx`, equal to the reference kernels on every logit, and `model.fast.onnx`; float: `model.onnx`.
    Raises ConversionFailed where the model has no ONNX twin.
    """
    from edge.targets.derivation.exact import exact_twin
    from edge.targets.derivation.twins import cpu_twin, save_model

    shutil.copyfile(model, folder / TFLITE)
    graph = read_graph(model)
    precision = precision_of(graph)
    files = [_file(folder, TFLITE, "litert-reference", "litert")]
    exact = False
    if precision.startswith("int8"):
        save_model(cpu_twin(folder / TFLITE), folder / FAST_ONNX)
        files.append(_file(folder, FAST_ONNX, "onnxruntime", "openvino"))
        exact = not _inexact_operators(graph)
        if exact:
            save_model(exact_twin(folder / TFLITE), folder / ONNX)
            files.append(_file(folder, ONNX, "onnxruntime"))
    else:
        save_model(cpu_twin(folder / TFLITE), folder / ONNX)
        files.append(_file(folder, ONNX, "onnxruntime", "openvino"))
    return Artifact(
        folder=folder,
        target="cpu",
        layout="NHWC",
        precision=precision,
        files=tuple(files),
        must_equal=frozenset({ONNX} if exact else ()),
    )


def run(artifact: Artifact, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits, float32 [n, labels], of uint8 [n, h, w, c], from LiteRT's reference kernels."""
    return open_runtime("litert-reference", artifact.folder / TFLITE).run(batch)


def _file(folder: Path, name: str, *runtimes: str) -> ModelFile:
    return ModelFile(file=name, sha256=sha256_of(folder / name), runtimes=runtimes)


def _inexact_operators(graph: Graph) -> list[str]:
    """Operators of an int8 graph that the exact twin does not know; none of a float one, which has no such twin."""
    from edge.targets.derivation.exact.twin import OPERATORS

    names = {operator.name for operator in graph.operators} if graph.input.scales else set()
    return sorted(names - set(OPERATORS))
