"""Pictures for people: learning curves and sheets of augmented samples."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray


def learning_curves(history: list[dict[str, Any]], path: Path) -> None:
    """Loss and validation accuracy over the epochs of all phases, as a PNG."""
    epochs = np.arange(1, len(history) + 1)
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(epochs, [row["loss"] for row in history], label="training")
    left.plot(epochs, [row["validation_loss"] for row in history], label="validation")
    left.set(title="Loss", xlabel="epoch", yscale="log")
    left.legend(frameon=False)
    right.plot(epochs, [100 * row["validation_accuracy"] for row in history], color="C1")
    right.set(title="Validation top-1, %", xlabel="epoch")
    for axis in (left, right):
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
        for at in range(1, len(history)):
            if history[at]["phase"] != history[at - 1]["phase"]:
                axis.axvline(at + 0.5, color="grey", linestyle=":")
    figure.savefig(path, dpi=120)


def sample_sheet(rows: list[tuple[str, NDArray[np.uint8]]], path: Path) -> None:
    """One row for each label: its original picture, then changed ones; uint8 [n, h, w, c] a row, as a PNG."""
    columns = max(len(pictures) for _, pictures in rows)
    figure = Figure(figsize=(1.1 * columns + 1, 1.15 * len(rows) + 0.4), layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for line, (label, pictures) in zip(axes, rows, strict=True):
        for column, (axis, picture) in enumerate(zip(line, pictures, strict=True)):
            axis.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=255)
            axis.set(xticks=[], yticks=[])
            if column == 0:
                axis.set_ylabel(label, rotation=0, ha="right", va="center")
    axes[0][0].set_title("original", fontsize=8)
    figure.savefig(path, dpi=120)
