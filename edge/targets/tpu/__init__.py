"""Cloud TPUs: a bfloat16 SavedModel with a serving signature.

A TPU multiplies in bfloat16 whatever the network's own precision is, so there is one rung. Nothing here has run on a
TPU: the answers are TensorFlow's on the CPU, the verdict is that of XLA's CPU compiler.
"""

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.boards import Board
from edge.device.contract import ModelFile
from edge.device.errors import BadModel
from edge.device.files import sha256_of, write_bytes
from edge.runtimes import open_runtime
from edge.target import Artifact, Precision, Verdict
from edge.targets.tpu.compilation import examine
from edge.targets.tpu.instructions import device_page
from edge.targets.tpu.saved_model import SavedModel, read_saved_model

RUNGS: tuple[Precision, ...] = ("bfloat16",)
FOLDER, GRAPH, INSTRUCTIONS = "saved_model", "saved_model.pb", "DEVICE.md"


def check(model: Path, board: Board | None) -> Verdict:
    """What XLA says of each operator behind the serving signature of a SavedModel (its folder or saved_model.pb).

    What XLA compiles for this CPU is placed on the accelerator; that a TPU takes it too stays uncertain.
    Raises BadModel where there is no SavedModel with such a signature, Unavailable where TensorFlow is missing.
    """
    return _verdict(read_saved_model(model), board)


def convert(model: Path, board: Board | None, folder: Path) -> Artifact:
    """Write a copy of the SavedModel into `folder`/saved_model, and DEVICE.md: how to serve it and train on TPUs.

    Raises BadModel where `check` refuses it or it does not take pictures.
    """
    saved = read_saved_model(model)
    verdict = _verdict(saved, board)
    obstacles = [*saved.obstacles, *verdict.refusals]
    if obstacles:
        raise BadModel(f"{model}: not for tpu: {'; '.join(obstacles)}")
    shutil.copytree(saved.folder, folder / FOLDER)
    write_bytes(folder / INSTRUCTIONS, device_page(FOLDER, saved.shape).encode())
    parts = sorted(path for path in (folder / FOLDER).rglob("*") if path.is_file() and path.name != GRAPH)
    return Artifact(
        folder=folder,
        target="tpu",
        precision=saved.precision,
        files=(
            _file(folder, folder / FOLDER / GRAPH, "tensorflow"),
            *(_file(folder, part) for part in parts),
        ),
        findings=verdict.findings,
        figures={"parameter_bytes": saved.parameter_bytes},
    )


def run(artifact: Artifact, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits, float32 [n, labels], of uint8 [n, h, w, c], from TensorFlow on the CPU."""
    return open_runtime("tensorflow", artifact.folder / FOLDER).run(batch)


def _verdict(saved: SavedModel, board: Board | None) -> Verdict:
    operators, findings = examine(saved)
    return Verdict(
        target="tpu",
        board=board.name if board else None,
        operators=operators,
        findings=findings,
        estimates={"parameter_bytes": saved.parameter_bytes},
    )


def _file(folder: Path, path: Path, *runtimes: str) -> ModelFile:
    return ModelFile(file=path.relative_to(folder).as_posix(), sha256=sha256_of(path), runtimes=runtimes)
