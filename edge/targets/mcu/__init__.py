"""Microcontrollers: TensorFlow Lite Micro, as a folder of C and C++ for Arduino, Zephyr and ESP-IDF.

The reference is TFLite Micro itself, run on the host; LiteRT's reference kernels run the same file as a second witness.
They need not agree on every bit (`must_equal` stays empty): LiteRT scales a dense layer's sum in float64 and TFLite
Micro in fixed point, so now and then a logit is one code off.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.boards import Board
from edge.device.contract import ModelFile
from edge.device.errors import BadModel, ConversionFailed, Unavailable
from edge.device.files import sha256_of
from edge.runtimes import open_runtime
from edge.target import Artifact, Precision, Verdict
from edge.targets.acceptance import precision_of, require_fitting
from edge.targets.mcu.examination import UNROLL, Examination, examine
from edge.targets.mcu.fit import fit
from edge.targets.mcu.golden import golden_vectors
from edge.targets.mcu.project import write_project

RUNGS: tuple[Precision, ...] = ("int8-ptq", "int8-qat", "int16x8")
TFLITE, RUNTIME = "model.tflite", "tflite-micro"


def check(model: Path, board: Board | None) -> Verdict:
    """Which operators of the TFLite file `model` TFLite Micro executes, what it takes, and whether `board` has that.

    Where the table of kernels refuses nothing, TFLite Micro runs the model in another process: what it says decides,
    and the arena is measured. `estimates`: arena_bytes, arena_bytes_with_margin, flash_bytes, macs.
    Raises BadModel where the file is no TFLite model.
    """
    found = examine(model, board)
    verdict = _verdict(found)
    if board is None:
        return verdict
    return replace(verdict, board=board.name, findings=(*verdict.findings, *fit(board, found.estimates)))


def convert(model: Path, board: Board | None, folder: Path) -> Artifact:
    """Write `model.tflite` and the sources around it: C array, resolver, arena size, contract, golden vectors.

    The labels are numbers until `edge.targets.mcu.project.write_labels` names them.
    Raises BadModel where TFLite Micro refuses the model or it does not take pictures, ConversionFailed where `board`
    has too little memory, Unavailable where TFLite Micro cannot be asked.
    """
    found = examine(model, board)
    if found.graph.subgraphs > 1:
        raise BadModel(f"{model}: not for mcu: it has control flow, whose operators the resolver would lack; {UNROLL}")
    require_fitting(model, found.graph, _verdict(found))
    if found.trial is None or found.trial.arena_bytes is None:
        raise Unavailable(f"{model}: {'; '.join(map(str, found.findings))}")
    findings = (*found.findings, *(fit(board, found.estimates) if board else ()))
    refused = [str(finding) for finding in findings if finding.severity == "refused"]
    if refused:
        raise ConversionFailed(f"{model}: {'; '.join(refused)}")
    copy = folder / TFLITE
    shutil.copyfile(model, copy)
    golden = golden_vectors(open_runtime(RUNTIME, copy), found.graph)
    labels = [str(index) for index in range(found.graph.output.shape[-1])]
    write_project(folder, copy, found.graph, found.memory, golden, found.macs, labels)
    return Artifact(
        folder=folder,
        target="mcu",
        precision=precision_of(found.graph),
        files=(ModelFile(file=TFLITE, sha256=sha256_of(copy), runtimes=(RUNTIME, "litert-reference")),),
        findings=findings,
        figures=found.estimates,
    )


def run(artifact: Artifact, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits, float32 [n, labels], of uint8 [n, h, w, c], from TFLite Micro on the host."""
    return open_runtime(RUNTIME, artifact.folder / TFLITE).run(batch)


def _verdict(found: Examination) -> Verdict:
    return Verdict(
        target="mcu", board=None, operators=found.operators, findings=found.findings, estimates=found.estimates
    )
