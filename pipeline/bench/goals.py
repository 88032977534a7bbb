"""What is to be reached, and whether it was."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

Results = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Goal:
    """`figure` of the results is to be below `bound`, or to reach it at most where `inclusive`."""

    name: str
    unit: str
    bound: float
    figure: Callable[[Results], float]
    inclusive: bool = True

    def reached(self, value: float) -> bool:
        return value <= self.bound if self.inclusive else value < self.bound


@dataclass(frozen=True, kw_only=True)
class Verdict:
    goal: Goal
    value: float
    reached: bool

    @property
    def measured(self) -> str:
        return f"{self.value:,.2f} {self.goal.unit}".rstrip()

    @property
    def expected(self) -> str:
        sign = "at most" if self.goal.inclusive else "below"
        return f"{sign} {self.goal.bound:,g} {self.goal.unit}".rstrip()


def verdicts(goals: Iterable[Goal], results: Results) -> list[Verdict]:
    """A verdict on every goal that `results` tell about."""
    return [
        Verdict(goal=goal, value=value, reached=goal.reached(value))
        for goal in goals
        if (value := _value(goal, results)) is not None
    ]


def figure_at(*keys: str) -> Callable[[Results], float]:
    """The figure that stands under `keys`, one inside the other."""

    def find(results: Results) -> float:
        value: Any = results
        for key in keys:
            value = value[key]
        return float(value)

    return find


def most_busy_with_others(results: Results) -> float:
    """The largest `cores_busy_with_others` at any depth of `results`; 0 where there is none."""
    inner = [most_busy_with_others(value) for value in results.values() if isinstance(value, Mapping)]
    return max([float(results.get("cores_busy_with_others", 0.0)), *inner])


def goals_table(verdicts: Sequence[Verdict]) -> Table:
    """Every goal with its verdict."""
    table = Table("goal", "measured", "bound", "", title="what is to be reached")
    for verdict in verdicts:
        word = "[green]reached[/]" if verdict.reached else "[red]missed[/]"
        table.add_row(verdict.goal.name, verdict.measured, verdict.expected, word)
    return table


def _value(goal: Goal, results: Results) -> float | None:
    """The figure of `goal`, None where that part was not measured."""
    try:
        return goal.figure(results)
    except KeyError:
        return None
