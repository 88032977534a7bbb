"""One checkpoint: weights, optimizer and data position, replaced as a whole."""

import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge.device.errors import BadArtifact, Unavailable
from edge.device.files import read_json, replace_folder, restore_folder, write_json

BEST = "best.h5"


@dataclass(kw_only=True)
class Progress:
    """How far a phase has come. `losses` are those of the unfinished epoch, `rows` those of the finished ones."""

    step: int = 0
    best_accuracy: float = -1.0
    best_loss: float = float("inf")
    best_epoch: int = 0
    losses: list[float] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)


def save_checkpoint(
    folder: Path, variables: tf.train.Checkpoint, progress: Progress, better: keras.Model | None
) -> None:
    """Put the state of a phase into `folder`, with the best weights so far; a kill leaves the one before.

    `better` is the model where it is better than any before, None where the best weights stay.
    Raises Unavailable where the disk is full.
    """
    new = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    body = asdict(progress)
    body["best_loss"] = None if progress.best_loss == float("inf") else progress.best_loss
    try:
        variables.write(str(new / "variables"))
        if better is not None:
            better.save_weights(new / BEST)
        elif (folder / BEST).exists():
            os.link(folder / BEST, new / BEST)
        _sync(new)
        write_json(new / "progress.json", body)
        replace_folder(new, folder)
    except tf.errors.ResourceExhaustedError as error:
        raise Unavailable(
            f"{folder}: no space left ({error.message}); the checkpoint before is kept: free some and run this again"
        ) from None
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Bring all files of `folder` to the disk: a checkpoint that replaces another must survive a power cut."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def load_checkpoint(folder: Path, variables: tf.train.Checkpoint) -> Progress:
    """Restore `variables` from `folder` and tell how far the phase had come; a fresh start where there is none.

    Raises BadArtifact where the checkpoint is damaged.
    """
    restore_folder(folder)
    if not folder.exists():
        return Progress()
    try:
        variables.read(str(folder / "variables")).assert_consumed()
    except (tf.errors.OpError, AssertionError, IndexError, ValueError) as error:
        raise BadArtifact(f"{folder}: a damaged checkpoint ({error}); delete {folder} to start over") from None
    body = read_json(folder / "progress.json")
    if body["best_loss"] is None:
        body["best_loss"] = float("inf")
    return Progress(**body)
