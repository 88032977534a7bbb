"""The ladder of a target: which precisions to try, fastest first, and what came of each."""

from dataclasses import dataclass
from typing import Literal

from edge.target import Precision


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One rung that was tried. `reason` says in words why it was taken or refused; figures are None where the rung
    was refused before it ran. `drop`: loss of top-1 on validation against float."""

    precision: Precision
    accepted: bool
    reason: str
    validation_top1: float | None = None
    drop: float | None = None
    bytes: int | None = None


def plan(rungs: tuple[Precision, ...], aware: bool | Literal["auto"]) -> tuple[Precision, ...]:
    """The rungs to walk: `aware` = true leaves out training-free int8, false leaves out aware training."""
    left_out = {True: "int8-ptq", False: "int8-qat", "auto": ""}[aware]
    return tuple(rung for rung in rungs if rung != left_out)
