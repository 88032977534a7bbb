"""What the service is to reach, and whether it did."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

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


def most_busy_with_others(results: Results) -> float:
    """The largest `cores_busy_with_others` at any depth of `results`; 0 where there is none."""
    inner = [most_busy_with_others(value) for value in results.values() if isinstance(value, Mapping)]
    return max([float(results.get("cores_busy_with_others", 0.0)), *inner])


def judge(results: Results) -> list[Verdict]:
    """A verdict on every goal that `results` tell about."""
    return [
        Verdict(goal=goal, value=value, reached=goal.reached(value))
        for goal in (*_OVERHEAD, *_peers(results), *_overload("tensor"), *_overload("picture"), *_LONG_RUN, *_START)
        if (value := _value(goal, results)) is not None
    ]


def _value(goal: Goal, results: Results) -> float | None:
    """The figure of `goal`, None where that part was not measured."""
    try:
        return goal.figure(results)
    except KeyError:
        return None


def _at(*keys: str) -> Callable[[Results], float]:
    def find(results: Results) -> float:
        value: Any = results
        for key in keys:
            value = value[key]
        return float(value)

    return find


_MANY, _ONE = "8 clients", "1 client"

_OVERHEAD = (
    Goal(name="CPU of a raw tensor against the call in process", unit="x", bound=2.2,
         figure=_at("tensor", "cpu_against_in_process", "edgewise", _MANY)),
    Goal(name="CPU of a raw tensor against bare Starlette", unit="x", bound=1.1,
         figure=_at("tensor", "cpu_against_starlette", "edgewise", _MANY)),
    Goal(name="CPU of a JPEG against the calls in process", unit="x", bound=1.15,
         figure=_at("picture", "cpu_against_in_process", "edgewise", _MANY)),
)  # fmt: skip

_LONG_RUN = (
    Goal(name="growth of resident memory in the long run", unit="MiB", bound=20, inclusive=False,
         figure=_at("endurance", "resident_growth_mib")),
)  # fmt: skip

_START = (
    Goal(name="start to ready", unit="s", bound=4, inclusive=False, figure=_at("start", "seconds")),
    Goal(name="resident memory of one process", unit="MiB", bound=130, inclusive=False,
         figure=_at("start", "resident_mib")),
)  # fmt: skip


def _overload(task: str) -> tuple[Goal, ...]:
    """At twice the sustained load. Memory is flat where it grows by no more than a few connections' buffers."""
    return (
        Goal(name=f"overload, {task}: answers other than 200 and 429", unit="", bound=0,
             figure=_at("overload", task, "failures")),
        Goal(name=f"overload, {task}: p99 of the accepted against unloaded", unit="x", bound=5,
             figure=_at("overload", task, "p99_against_unloaded")),
        Goal(name=f"overload, {task}: growth of resident memory", unit="MiB", bound=2,
             figure=_at("overload", task, "resident_growth_mib")),
    )  # fmt: skip


def _peers(results: Results) -> list[Goal]:
    """Ahead of every peer: its throughput as a share of ours, and our p99 as a share of its own, are below 1."""
    goals = []
    for task in ("tensor", "picture"):
        for name in results.get(task, {}).get("variants", {}):
            if name not in ("in process", "edgewise", "Starlette"):
                goals += [
                    Goal(name=f"{task}: throughput of {name} against ours", unit="x", bound=1, inclusive=False,
                         figure=_at(task, "throughput_against_edgewise", name, _MANY)),
                    Goal(name=f"{task}: our p99 against that of {name}", unit="x", bound=1, inclusive=False,
                         figure=_inverse(_at(task, "p99_against_edgewise", name, _ONE))),
                ]  # fmt: skip
    return goals


def _inverse(figure: Callable[[Results], float]) -> Callable[[Results], float]:
    return lambda results: 1 / figure(results)
