"""What the section says, as plain values."""

from dataclasses import dataclass
from typing import Literal

from edge.target import PlacedOperator


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why `operators` (each "NAME #index") are not on the accelerator; the reason is empty where none was given."""

    reason: str
    operators: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A target's verdict on a file of the run. `operators` in the order of the file; `counts` by placement; `findings`
    and `estimates` (by name, units in the names) of the verdict. `whole`: the target executes all of it in one place,
    such as a CPU, so that there is nothing to map."""

    target: str
    board: str | None
    file: str
    precision: str
    fits: Literal["yes", "no", "uncertain"]
    operators: tuple[PlacedOperator, ...]
    counts: dict[str, int]
    reasons: tuple[Reason, ...]
    findings: tuple[str, ...]
    estimates: dict[str, int]
    whole: bool


@dataclass(frozen=True, kw_only=True)
class Facts:
    """`not_asked`: targets that could not be asked about any file of theirs, and why."""

    placed: tuple[Placed, ...]
    not_asked: dict[str, str]
