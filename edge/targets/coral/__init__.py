"""Coral's Edge TPU: a full-int8 TFLite file, and the compiler's own file where `edgetpu_compiler` is at hand."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.boards import Board
from edge.device.contract import ModelFile
from edge.device.files import sha256_of
from edge.device.runtimes import open_runtime
from edge.target import Artifact, Finding, PlacedOperator, Precision, Verdict
from edge.targets.acceptance import precision_of, require_fitting
from edge.targets.coral.compiler import COMPILER, compile_model
from edge.targets.coral.instructions import NAME, device_instructions
from edge.targets.coral.memory import ON_CHIP_BYTES, parameter_bytes
from edge.targets.coral.prediction import Prediction, predict
from edge.targets.coral.proof import compare, prove_compiled
from edge.tflite import Graph, read_graph

RUNGS: tuple[Precision, ...] = ("int8-ptq", "int8-qat")
TFLITE = "model.tflite"


def check(model: Path, board: Board | None) -> Verdict:
    """What edgetpu_compiler 16.0 would do to the TFLite file `model`, and whether `board` has room for it.

    A prediction: the compiler is closed, and asked only by `convert`. `estimates`: on_chip_bytes, parameters cached and
    streamed together; streamed_bytes, the part of them beyond the chip's memory.
    Raises BadModel where the file is no TFLite model.
    """
    graph = read_graph(model)
    verdict = _verdict(model, board, graph, predict(graph))
    note = Finding(severity="note", operator="mapping", reason=f"a prediction of what {COMPILER} 16.0 does")
    return replace(verdict, findings=(*verdict.findings, note))


def convert(model: Path, board: Board | None, folder: Path) -> Artifact:
    """Write `model.tflite`, `DEVICE.md` and, where the compiler is on PATH, `model_edgetpu.tflite` and its log.

    The compiled file is proven to hold one operator of the Edge TPU and its CPU rest. It runs only on an Edge TPU, so
    it names no runtime of the host. `figures`, of the compiled file: on_chip_bytes and streamed_bytes as in `check`,
    mapped_operators.

    Raises BadModel where `check` refuses the model, ConversionFailed where the compiler does or its file is not sound.
    """
    graph = read_graph(model)
    prediction = predict(graph)
    verdict = _verdict(model, board, graph, prediction)
    require_fitting(model, graph, verdict)
    shutil.copyfile(model, folder / TFLITE)
    files = [ModelFile(file=TFLITE, sha256=sha256_of(folder / TFLITE), runtimes=("litert-reference", "litert"))]
    findings = list(verdict.findings)
    figures: dict[str, float] = {}
    compiler = shutil.which(COMPILER)
    if compiler is None:
        findings.append(_prediction_note(verdict))
    else:
        path, log = compile_model(compiler, folder / TFLITE)
        compiled = prove_compiled(graph, path, log)
        findings += compare(prediction, verdict.estimates["on_chip_bytes"], compiled, log)
        files.append(ModelFile(file=path.name, sha256=sha256_of(path), runtimes=()))
        figures["on_chip_bytes"] = compiled.cached_bytes + compiled.streamed_bytes
        figures["streamed_bytes"] = compiled.streamed_bytes
        figures["mapped_operators"] = compiled.mapped_count
    (folder / NAME).write_text(device_instructions(board, compiled=compiler is not None), encoding="utf-8")
    return Artifact(
        folder=folder,
        target="coral",
        precision=precision_of(graph),
        files=tuple(files),
        findings=tuple(findings),
        figures=figures,
    )


def run(artifact: Artifact, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits, float32 [n, labels], of uint8 [n, h, w, c], from LiteRT's reference kernels."""
    return open_runtime("litert-reference", artifact.folder / TFLITE).run(batch)


def _verdict(model: Path, board: Board | None, graph: Graph, prediction: Prediction) -> Verdict:
    parameters = parameter_bytes(graph, prediction.mapped)
    cache = board.number("parameter_memory_bytes") if board else None
    streamed = max(0, parameters - int(cache or ON_CHIP_BYTES))
    findings = [*prediction.findings, *_room(model, board, prediction.operators)]
    if streamed:
        reason = f"about {streamed:,} of {parameters:,} bytes of parameters are sent to the chip at every inference"
        findings.append(
            Finding(severity="warning", operator="on-chip memory", reason=reason, fix="use a smaller network")
        )
    return Verdict(
        target="coral",
        board=board.name if board else None,
        operators=prediction.operators,
        findings=tuple(findings),
        estimates={"on_chip_bytes": parameters, "streamed_bytes": streamed},
    )


def _room(model: Path, board: Board | None, operators: tuple[PlacedOperator, ...]) -> list[Finding]:
    """What the board's memory and its interpreter say."""
    if board is None:
        return []
    findings = []
    size, memory = model.stat().st_size, board.number("memory_bytes")
    if memory is not None and size > memory:
        reason = f"{size:,} bytes, but {board.title} has {memory:,.0f} bytes of memory"
        findings.append(Finding(severity="refused", operator="file", reason=reason, fix="use a smaller network"))
    left = sorted({each.name for each in operators if each.placement == "cpu"})
    if left and board.word("runtime") == "tflite-micro":
        reason = f"TFLite Micro executes {', '.join(left)}; its resolver must name them beside edgetpu-custom-op"
        findings.append(Finding(severity="warning", operator="CPU rest", reason=reason))
    return findings


def _prediction_note(verdict: Verdict) -> Finding:
    reason = (
        f"a prediction: {COMPILER} is not on PATH; {verdict.mapped_count} of {len(verdict.operators)} operators on the "
        f"Edge TPU and {verdict.estimates['on_chip_bytes']:,} bytes of parameters are expected"
    )
    fix = "install it (https://coral.ai/docs/edgetpu/compiler/) and export again, or see DEVICE.md"
    return Finding(severity="note", operator="mapping", reason=reason, fix=fix)
