"""Which classes the calibration set shows."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.device.files import read_json
from pipeline.data.dataset import Samples
from pipeline.report.calibration.facts import ClassCoverage


def class_coverage(
    classes: tuple[str, ...], labels: NDArray[np.int32], positions: NDArray[np.int64]
) -> tuple[ClassCoverage, ...]:
    """A row for each class; `labels` int32 [n] of the training split, `positions` of the set in it."""
    training = np.bincount(labels, minlength=len(classes))
    calibration = np.bincount(labels[positions], minlength=len(classes))
    return tuple(
        ClassCoverage(label=label, training=int(there), calibration=int(taken))
        for label, there, taken in zip(classes, training, calibration, strict=True)
    )


def as_recorded(file: Path, training: Samples, positions: NDArray[np.int64]) -> bool:
    """Whether the pictures at `positions` are those whose names and hashes `file`, calibration.json, holds."""
    recorded = [(each["name"], each["sha256"]) for each in read_json(file)]
    digests = (hashlib.sha256(picture.tobytes()).hexdigest() for picture in training.pick(positions))
    return recorded == list(zip((training.names[at] for at in positions), digests, strict=True))
