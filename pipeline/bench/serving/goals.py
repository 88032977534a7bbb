"""What the service is to reach, and whether it did."""

from collections.abc import Callable

from pipeline.bench.goals import Goal, Results, Verdict, figure_at, verdicts

_MANY, _ONE = "8 clients", "1 client"

_OVERHEAD = (
    Goal(name="CPU of a raw tensor against the call in process", unit="x", bound=2.2,
         figure=figure_at("tensor", "cpu_against_in_process", "edgewise", _MANY)),
    Goal(name="CPU of a raw tensor against bare Starlette", unit="x", bound=1.1,
         figure=figure_at("tensor", "cpu_against_starlette", "edgewise", _MANY)),
    Goal(name="CPU of a JPEG against the calls in process", unit="x", bound=1.15,
         figure=figure_at("picture", "cpu_against_in_process", "edgewise", _MANY)),
)  # fmt: skip

_LONG_RUN = (
    Goal(name="growth of resident memory in the long run", unit="MiB", bound=20, inclusive=False,
         figure=figure_at("endurance", "resident_growth_mib")),
)  # fmt: skip

_START = (
    Goal(name="start to ready", unit="s", bound=4, inclusive=False, figure=figure_at("start", "seconds")),
    Goal(name="resident memory of one process", unit="MiB", bound=130, inclusive=False,
         figure=figure_at("start", "resident_mib")),
)  # fmt: skip


def judge(results: Results) -> list[Verdict]:
    """A verdict on every goal that `results` tell about."""
    goals = (*_OVERHEAD, *_peers(results), *_overload("tensor"), *_overload("picture"), *_LONG_RUN, *_START)
    return verdicts(goals, results)


def _overload(task: str) -> tuple[Goal, ...]:
    """At twice the sustained load. Memory is flat where it grows by no more than a few connections' buffers."""
    return (
        Goal(name=f"overload, {task}: answers other than 200 and 429", unit="", bound=0,
             figure=figure_at("overload", task, "failures")),
        Goal(name=f"overload, {task}: p99 of the accepted against unloaded", unit="x", bound=5,
             figure=figure_at("overload", task, "p99_against_unloaded")),
        Goal(name=f"overload, {task}: growth of resident memory", unit="MiB", bound=2,
             figure=figure_at("overload", task, "resident_growth_mib")),
    )  # fmt: skip


def _peers(results: Results) -> list[Goal]:
    """Ahead of every peer: its throughput as a share of ours, and our p99 as a share of its own, are below 1."""
    goals = []
    for task in ("tensor", "picture"):
        for name in results.get(task, {}).get("variants", {}):
            if name not in ("in process", "edgewise", "Starlette"):
                goals += [
                    Goal(name=f"{task}: throughput of {name} against ours", unit="x", bound=1, inclusive=False,
                         figure=figure_at(task, "throughput_against_edgewise", name, _MANY)),
                    Goal(name=f"{task}: our p99 against that of {name}", unit="x", bound=1, inclusive=False,
                         figure=_inverse(figure_at(task, "p99_against_edgewise", name, _ONE))),
                ]  # fmt: skip
    return goals


def _inverse(figure: Callable[[Results], float]) -> Callable[[Results], float]:
    return lambda results: 1 / figure(results)
