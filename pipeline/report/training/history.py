"""The epochs of a training, as the train stage wrote them down."""

import csv
from dataclasses import dataclass

from edge.device.files import read_json
from pipeline.report.inspection import Inspection


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """`number` counts within the `phase`; losses are cross-entropies, `validation_top1` a share."""

    phase: str
    number: int
    learning_rate: float
    loss: float
    validation_loss: float
    validation_top1: float


@dataclass(frozen=True, kw_only=True)
class Facts:
    """`epochs` is empty where the model came trained; `device` is what it was trained on."""

    device: str
    epochs: tuple[Epoch, ...]


def measure(inspection: Inspection) -> Facts:
    """Read the history of the train stage."""
    folder = inspection.run / "train"
    with (folder / "history.csv").open(newline="") as file:
        epochs = tuple(
            Epoch(
                phase=row["phase"],
                number=int(row["epoch"]),
                learning_rate=float(row["learning_rate"]),
                loss=float(row["loss"]),
                validation_loss=float(row["validation_loss"]),
                validation_top1=float(row["validation_accuracy"]),
            )
            for row in csv.DictReader(file)
        )
    return Facts(device=read_json(folder / "summary.json")["device"], epochs=epochs)
