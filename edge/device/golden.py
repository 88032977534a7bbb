"""Golden vectors: pictures with the answers that an artefact must give, wherever it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import BadArtifact, ProofFailed
from edge.device.npz import DAMAGED_NPZ

NAME = "golden.npz"


@dataclass(frozen=True)
class Golden:
    """`inputs` uint8 [n, h, w, c]; `outputs` float32 logits [n, labels] of the reference kernels; `tolerance`: the
    largest difference of a logit that any proven runtime may show."""

    inputs: NDArray[np.uint8]
    outputs: NDArray[np.float32]
    tolerance: float


def write_golden(folder: Path, golden: Golden) -> None:
    """Write golden.npz into `folder`."""
    np.savez_compressed(
        folder / NAME, inputs=golden.inputs, outputs=golden.outputs, tolerance=np.float64(golden.tolerance)
    )


def read_golden(folder: Path) -> Golden:
    """Read golden.npz of `folder`; raises BadArtifact where it is missing or damaged."""
    path = folder / NAME
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Golden(inputs=arrays["inputs"], outputs=arrays["outputs"], tolerance=float(arrays["tolerance"]))
    except DAMAGED_NPZ as error:
        raise BadArtifact(f"{path}: no golden vectors ({error}); export the artefact again") from None


def check_golden(golden: Golden, run: Callable[[NDArray[np.uint8]], NDArray[np.float32]], runtime: str) -> None:
    """Raise ProofFailed unless `run` answers every golden picture within the tolerance, naming the worst vector."""
    answers = run(golden.inputs)
    if answers.shape != golden.outputs.shape:
        raise ProofFailed(
            f"{runtime}: answers of shape {answers.shape}, the golden vectors have {golden.outputs.shape}; export again"
        )
    worst = np.abs(answers - golden.outputs).max(axis=1)
    index = int(worst.argmax())
    # `not <=`: an answer that is not a number is no match either.
    if not worst[index] <= golden.tolerance:
        raise ProofFailed(
            f"{runtime}: golden vector {index} differs by {worst[index]:g}, at most {golden.tolerance:g} is allowed; "
            "this runtime does not compute what was proven: use another one, or export again"
        )
