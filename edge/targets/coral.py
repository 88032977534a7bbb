"""Coral's Edge TPU: a full-int8 TFLite file, and the compiler's own file where `edgetpu_compiler` is at hand.

Operator versions: what edgetpu_compiler 16.0, the last one, was built to read. https://coral.ai/docs/edgetpu/compiler/
"""

import shutil
import subprocess
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
from edge.tflite import Graph, Operator, read_graph

RUNGS: tuple[Precision, ...] = ("int8-ptq", "int8-qat")
TFLITE, COMPILED, LOG = "model.tflite", "model_edgetpu.tflite", "edgetpu_compiler.log"
COMPILER = "edgetpu_compiler"
COMPILER_SECONDS = 600

FIRST_UNREADABLE_VERSION = {"CONV_2D": 6, "TRANSPOSE_CONV": 4, "QUANTIZE": 3, "EXP": 2}
FIRST_UNREADABLE_CODE = 150  # builtin operators that came after the compiler
INTEGERS = frozenset({"INT8", "UINT8", "INT32", "INT64", "BOOL"})


def check(model: Path, board: Board | None) -> Verdict:
    """What the Edge TPU's compiler will refuse in the TFLite file `model`; a note where it cannot be asked.

    Raises BadModel where the file is no TFLite model.
    """
    graph = read_graph(model)
    findings = unreadable_operators(graph) + float_operators(graph)
    if shutil.which(COMPILER) is None:
        note = f"not verified: {COMPILER} is not on PATH, so which operators the Edge TPU runs is unknown"
        fix = "install it (https://coral.ai/docs/edgetpu/compiler/) and export again"
        findings.append(Finding(severity="note", operator="mapping", reason=note, fix=fix))
    operators = tuple(
        PlacedOperator(index=each.index, name=each.name, placement="uncertain") for each in graph.operators
    )
    return Verdict(target="coral", board=board.name if board else None, operators=operators, findings=tuple(findings))


def unreadable_operators(graph: Graph) -> list[Finding]:
    """Operators newer than the compiler: it stops at the whole file."""
    findings = []
    for operator in graph.operators:
        limit = FIRST_UNREADABLE_VERSION.get(operator.name)
        if operator.code >= FIRST_UNREADABLE_CODE:
            findings.append(_refused(operator, f"builtin operator {operator.code} came after compiler 16"))
        elif limit is not None and operator.version >= limit:
            reason = f"version {operator.version}; compiler 16 reads those below {limit}"
            findings.append(_refused(operator, reason))
    return findings


def float_operators(graph: Graph) -> list[Finding]:
    """Operators that compute in anything but integers: the Edge TPU has only int8 arithmetic."""
    return [
        _refused(operator, f"computes in {tensor.dtype}; the Edge TPU computes in int8 alone")
        for operator in graph.operators
        for tensor in graph.activations(operator)[:1]
        if tensor.dtype not in INTEGERS
    ]


def convert(model: Path, board: Board | None, folder: Path) -> Artifact:
    """Write `model.tflite` and, where the compiler is on PATH, `model_edgetpu.tflite` and the compiler's log.

    The compiled file runs only on an Edge TPU, so it names no runtime of the host.

    Raises BadModel where `check` refuses the model, ConversionFailed where the compiler does.
    """
    graph = read_graph(model)
    require_fitting(model, graph, check(model, board))
    shutil.copyfile(model, folder / TFLITE)
    files = [ModelFile(file=TFLITE, sha256=sha256_of(folder / TFLITE), runtimes=("litert-reference", "litert"))]
    compiler = shutil.which(COMPILER)
    if compiler is not None:
        compile_model(compiler, folder)
        files.append(ModelFile(file=COMPILED, sha256=sha256_of(folder / COMPILED), runtimes=()))
    return Artifact(folder=folder, target="coral", precision=precision_of(graph), files=tuple(files))


def compile_model(compiler: str, folder: Path) -> None:
    """Run the Edge TPU's compiler on `model.tflite` in `folder` and keep what it says.

    Raises ConversionFailed where it fails, writes no file, or takes longer than ten minutes.
    """
    command = [compiler, "--show_operations", "--out_dir", str(folder), str(folder / TFLITE)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILER_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise ConversionFailed(f"{COMPILER}: no answer in {COMPILER_SECONDS} s; try a smaller network") from None
    (folder / LOG).write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode != 0 or not (folder / COMPILED).is_file():
        lines = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise ConversionFailed(f"{COMPILER}: exit {done.returncode}: {lines[-1]}; see {folder / LOG}")


def run(artifact: Artifact, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits, float32 [n, labels], of uint8 [n, h, w, c], from LiteRT's reference kernels."""
    return open_runtime("litert-reference", artifact.folder / TFLITE).run(batch)


def _refused(operator: Operator, reason: str) -> Finding:
    fix = "use a layer without it, or another target"
    return Finding(severity="refused", operator=str(operator), reason=reason, fix=fix)
