"""Verdicts over results of which the answer is plain."""

from typing import Any

from pipeline.bench.peers.contest import PTQ, SHIPPED
from pipeline.bench.peers.goals import judge


def results(low: float, size: int = 95_568, ratio: float = 1.05) -> dict[str, Any]:
    peer = {"against": {own: {"interval": [low, 0.01]} for own in (SHIPPED, PTQ)}}
    return {
        "peers": {"entries": {SHIPPED: {"bytes": size}, PTQ: {}, "Other": peer}},
        "latency": {"ours_against_fastest_peer": ratio},
    }


def test_goals_are_reached_at_their_bounds() -> None:
    verdicts = judge(results(low=0.0))
    assert len(verdicts) == 4
    assert all(verdict.reached for verdict in verdicts)


def test_goals_are_missed_beyond_their_bounds() -> None:
    assert not any(verdict.reached for verdict in judge(results(low=0.0001, size=95_569, ratio=1.06)))


def test_what_was_not_measured_has_no_verdict() -> None:
    assert judge({}) == []
