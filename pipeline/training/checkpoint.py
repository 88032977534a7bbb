"""One checkpoint: weights, optimizer and data position, replaced as a whole."""

import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import tensorflow as tf

from edge.device.errors import Unavailable
from edge.device.files import read_json, replace_folder, restore_folder, write_json


@dataclass(kw_only=True)
class Progress:
    """How far a phase has come. `losses` are those of the unfinished epoch, `rows` those of the finished ones."""

    step: int = 0
    best_accuracy: float = -1.0
    best_loss: float = float("inf")
    best_epoch: int = 0
    losses: list[float] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)


def save_checkpoint(folder: Path, variables: tf.train.Checkpoint, progress: Progress) -> None:
    """Put the state of a phase into `folder`; a kill leaves the one before.

    Raises Unavailable where the disk is full.
    """
    new = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    body = asdict(progress)
    body["best_loss"] = None if progress.best_loss == float("inf") else progress.best_loss
    try:
        variables.write(str(new / "variables"))
        write_json(new / "progress.json", body)
        replace_folder(new, folder)
    except tf.errors.ResourceExhaustedError as error:
        raise Unavailable(
            f"{folder}: no space left ({error.message}); the checkpoint before is kept: free some and run this again"
        ) from None
    finally:
        shutil.rmtree(new, ignore_errors=True)


def load_checkpoint(folder: Path, variables: tf.train.Checkpoint) -> Progress:
    """Restore `variables` from `folder` and tell how far the phase had come; a fresh start where there is none."""
    restore_folder(folder)
    if not folder.exists():
        return Progress()
    variables.read(str(folder / "variables")).assert_consumed()
    body = read_json(folder / "progress.json")
    if body["best_loss"] is None:
        body["best_loss"] = float("inf")
    return Progress(**body)
