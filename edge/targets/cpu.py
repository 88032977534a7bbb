"""CPUs: the TFLite file for LiteRT, and ONNX derived from it for ONNX Runtime and OpenVINO.

Two families of int8 kernels exist. The reference kernels scale a convolution's sum twice in fixed point, as TFLite
Micro does; the fast ones (LiteRT's XNNPACK, ONNX Runtime, TensorRT) once in float32, so that now and then an activation
is one code lower. `model.onnx` repeats the first to the bit; `model.fast.onnx` repeats the second. (Dense layers are
the exception: LiteRT's reference kernel scales them in float64, TFLite Micro's in fixed point.)

Only files that are int8 throughout have such a twin: float layers in between round as each runtime likes, and 16-bit
activations have no ONNX before opset 21.
"""

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.boards import Board
from edge.device.contract import ModelFile
from edge.device.errors import ConversionFailed
from edge.device.files import sha256_of
from edge.device.runtimes import open_runtime
from edge.target import Artifact, Finding, PlacedOperator, Precision, Verdict
from edge.targets.acceptance import precision_of, require_fitting
from edge.tflite import read_graph

RUNGS: tuple[Precision, ...] = ("int8-ptq", "int8-qat", "int8-selective", "int16x8", "float16", "float32")
TFLITE, ONNX, FAST_ONNX = "model.tflite", "model.onnx", "model.fast.onnx"
WHOLLY_INT8: frozenset[Precision] = frozenset({"int8-ptq", "int8-qat"})


def check(model: Path, board: Board | None) -> Verdict:  # noqa: ARG001 - one verb for every target
    """Where LiteRT executes the operators of the TFLite file `model`: all on the CPU, but for others' custom ones.

    Raises BadModel where the file is no TFLite model.
    """
    operators = tuple(
        PlacedOperator(index=each.index, name=each.name, placement="refused", reason="is a custom operator")
        if each.name.startswith("CUSTOM:")
        else PlacedOperator(index=each.index, name=each.name, placement="cpu")
        for each in read_graph(model).operators
    )
    return Verdict(target="cpu", board=None, operators=operators, estimates={"flash_bytes": model.stat().st_size})


def convert(model: Path, board: Board | None, folder: Path) -> Artifact:
    """Write `model.tflite` (a copy) and its ONNX, uint8 NHWC [batch, h, w, c] in and float32 logits out.

    int8: `model.fast.onnx`, and `model.onnx`, equal to the reference kernels on every logit; a finding says so where an
    operator has no exact ONNX and that file is left out. int8-selective: `model.fast.onnx`. int16x8: no ONNX.
    float: `model.onnx`.
    Raises BadModel where `check` refuses the model, ConversionFailed where it has no ONNX that it should have.
    """
    graph = read_graph(model)
    require_fitting(model, graph, check(model, board))
    shutil.copyfile(model, folder / TFLITE)
    precision = precision_of(graph)
    files, findings = _onnx_files(folder, precision)
    return Artifact(
        folder=folder,
        target="cpu",
        layout="NHWC",
        precision=precision,
        files=(_file(folder, TFLITE, "litert-reference", "litert"), *files),
        # Sums of floats depend on their order, integers' do not.
        must_equal=frozenset(each.file for each in files if precision in WHOLLY_INT8 and each.file == ONNX),
        findings=findings,
    )


def _onnx_files(folder: Path, precision: Precision) -> tuple[tuple[ModelFile, ...], tuple[Finding, ...]]:
    """The ONNX that `precision` has, derived from `model.tflite` in `folder`, and a finding for what was left out."""
    if precision == "int16x8":
        return (), (_left_out("no ONNX: opset 17 has no 16-bit QuantizeLinear", TFLITE),)
    if precision not in WHOLLY_INT8 and precision != "int8-selective":
        return (_write_twin(folder, ONNX),), ()
    fast = _write_twin(folder, FAST_ONNX)
    if precision == "int8-selective":
        return (fast,), (_left_out(f"no exact {ONNX}: it has layers in float", f"{FAST_ONNX} and {TFLITE}"),)
    try:
        return (fast, _write_exact_twin(folder)), ()
    except ConversionFailed as error:
        return (fast,), (_left_out(f"no exact {ONNX}: {error}", f"{FAST_ONNX} and {TFLITE}"),)


def _write_twin(folder: Path, name: str) -> ModelFile:
    from edge.targets.derivation.float_layers import keep_float_layers
    from edge.targets.derivation.twins import cpu_twin, save_model

    twin = cpu_twin(folder / TFLITE)
    keep_float_layers(twin.graph)
    save_model(twin, folder / name)
    return _file(folder, name, "onnxruntime", "openvino")


def _write_exact_twin(folder: Path) -> ModelFile:
    from edge.targets.derivation.exact import exact_twin
    from edge.targets.derivation.twins import save_model

    save_model(exact_twin(folder / TFLITE), folder / ONNX)
    return _file(folder, ONNX, "onnxruntime")


def run(artifact: Artifact, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits, float32 [n, labels], of uint8 [n, h, w, c], from LiteRT's reference kernels."""
    return open_runtime("litert-reference", artifact.folder / TFLITE).run(batch)


def _file(folder: Path, name: str, *runtimes: str) -> ModelFile:
    return ModelFile(file=name, sha256=sha256_of(folder / name), runtimes=runtimes)


def _left_out(reason: str, remaining: str) -> Finding:
    return Finding(severity="warning", operator="twin", reason=reason, fix=f"{remaining} remain")
