"""What our int8 is to reach beside the peers', and whether it did."""

from collections.abc import Callable

from pipeline.bench.goals import Goal, Results, Verdict, figure_at, verdicts
from pipeline.bench.peers.contest import OURS, SHIPPED

_LARGEST = 95_568  # bytes of the int8 file of ResNet-8
_BEHIND = 1.05  # of the fastest peer's latency


def judge(results: Results) -> list[Verdict]:
    """A verdict on every goal that `results`, the sections of docs/benchmarks.json, tell about."""
    size = Goal(
        name="bytes of our int8 file", unit="", bound=_LARGEST, figure=figure_at("peers", "entries", SHIPPED, "bytes")
    )
    speed = Goal(
        name="latency of our fastest artefact against the fastest peer's",
        unit="x",
        bound=_BEHIND,
        figure=figure_at("latency", "ours_against_fastest_peer"),
    )
    return verdicts((*_accuracy(results), size, speed), results)


def _accuracy(results: Results) -> list[Goal]:
    """Not worse within the paired interval: what we lose beyond the peer, at the lower end of 95 %, is not above 0."""
    entries = results.get("peers", {}).get("entries", {})
    return [
        Goal(
            name=f"{own}: points lost beyond {peer}, lower end of 95 %",
            unit="points",
            bound=0,
            figure=_lower_end(own, peer),
        )
        for own in OURS
        for peer, entry in entries.items()
        if own in entry.get("against", {})
    ]


def _lower_end(own: str, peer: str) -> Callable[[Results], float]:
    return lambda results: 100 * float(results["peers"]["entries"][peer]["against"][own]["interval"][0])
