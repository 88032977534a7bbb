"""Verdicts over results of which the answer is plain."""

from typing import Any

from pipeline.bench.serving.goals import judge

RESULTS: dict[str, Any] = {
    "tensor": {
        "variants": {"in process": {}, "edgewise": {}, "Starlette": {}, "Other": {}},
        "cpu_against_in_process": {"edgewise": {"8 clients": 2.2}},
        "cpu_against_starlette": {"edgewise": {"8 clients": 1.11}},
        "throughput_against_edgewise": {"Other": {"8 clients": 0.5}},
        "p99_against_edgewise": {"Other": {"1 client": 0.8}},
    },
    "start": {"seconds": 4.0, "resident_mib": 129.9},
}


def verdicts() -> dict[str, bool]:
    return {verdict.goal.name: verdict.reached for verdict in judge(RESULTS)}


def test_bounds_of_at_most_are_reached_at_the_bound_and_those_of_below_are_not() -> None:
    found = verdicts()
    assert found["CPU of a raw tensor against the call in process"]
    assert not found["CPU of a raw tensor against bare Starlette"]
    assert not found["start to ready"]
    assert found["resident memory of one process"]


def test_a_peer_with_less_throughput_and_a_lower_p99_is_behind_in_one_only() -> None:
    found = verdicts()
    assert found["tensor: throughput of Other against ours"]
    assert not found["tensor: our p99 against that of Other"]


def test_what_was_not_measured_has_no_verdict() -> None:
    assert not any("overload" in name or "JPEG" in name for name in verdicts())
