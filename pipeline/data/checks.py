"""Is this a data set that a classifier can be trained and judged on?"""

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import BadData
from pipeline.data.dataset import Split
from pipeline.data.folders import LAYOUT
from pipeline.data.source import UNGIVEN, Source

IMBALANCE = 5.0  # largest class to smallest, from which on class weights are advised
_SHOWN = 5


def check_source(source: Source, minimum: int) -> None:
    """Raise BadData where there are no pictures, fewer than two classes, or a class with fewer than `minimum`."""
    if not len(source):
        raise BadData(f"data: no pictures found; {LAYOUT}")
    if len(source.classes) < 2:
        raise BadData(f"data: only one class, {source.classes[0]!r}; expected two or more; {LAYOUT}")
    counts = np.bincount(source.labels, minlength=len(source.classes))
    empty = [name for name, count in zip(source.classes, counts, strict=True) if not count]
    if empty:
        raise BadData(f"data: no pictures in class {_listed(empty)}; add some, or remove the class")
    few = [f"{name} ({count})" for name, count in zip(source.classes, counts, strict=True) if count < minimum]
    if few:
        raise BadData(
            f"data: too few pictures in class {_listed(few)}; expected {minimum} or more in each; "
            "add some, remove the class, or lower it with `--set data.minimum_per_class=N`"
        )
    if not (source.given == UNGIVEN).any():
        raise BadData(f"data: no pictures to train on, only given validation or test parts; {LAYOUT}")


def check_unreadable(unreadable: dict[str, str], way_out: str) -> None:
    """Raise BadData, naming up to five, where pictures could not be read (name to reason)."""
    if not unreadable:
        return
    shown = "; ".join(f"{name}: {reason}" for name, reason in list(unreadable.items())[:_SHOWN])
    more = f"; and {len(unreadable) - _SHOWN} more" if len(unreadable) > _SHOWN else ""
    raise BadData(f"data: unreadable pictures, {len(unreadable)}: {shown}{more}; {way_out}")


def check_split(counts: NDArray[np.intp], classes: tuple[str, ...]) -> list[str]:
    """Warnings about `counts`, integers [classes, splits].

    Raises BadData where a whole split is empty, or a class has no training picture.
    """
    for split in Split:
        if not counts[:, split].sum():
            raise BadData(
                f"data: no pictures for {_title(split)}; expected some in each of training, validation and blind test; "
                "add pictures or change data.split"
            )
    untrained = [name for name, count in zip(classes, counts[:, Split.TRAINING], strict=True) if not count]
    if untrained:
        raise BadData(f"data: no training picture of {_listed(untrained)}; add some, or remove the class")
    warnings = []
    for split in (Split.VALIDATION, Split.BLIND_TEST):
        missing = [name for name, count in zip(classes, counts[:, split], strict=True) if not count]
        if missing:
            warnings.append(f"{_title(split)} has no picture of {_listed(missing)}; its accuracy says nothing of them")
    return warnings


def imbalance_of(counts: NDArray[np.intp]) -> float:
    """Pictures of the largest class for each one of the smallest; `counts` is of integers above 0 [classes]."""
    return round(float(counts.max() / counts.min()), 3)


def _title(split: Split) -> str:
    return split.name.lower().replace("_", " ")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
