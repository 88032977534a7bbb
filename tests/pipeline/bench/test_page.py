"""The page says what the figures say, and what was not measured."""

from typing import Any

from pipeline.bench.page import page_of
from pipeline.bench.peers.contest import SHIPPED
from pipeline.bench.record import PLACE, read_records
from pipeline.machine import this_machine

AGAINST = {
    "difference": -0.0012,
    "interval": [-0.003, 0.0006],
    "seeds": [{"difference": -0.0012, "interval": [-0.003, 0.0006], "lost": 41, "gained": 53, "p": 0.2563}],
}
ENTRY = {"runtime": "litert", "how": "as its guide has it", "versions": {}, "bytes": 95208, "top1": [0.8419, 0.8421],
         "mean_drop": -0.0019, "worst_drop": -0.0018}  # fmt: skip

OTHER = {**ENTRY, "versions": {"other": "1.2"}, "against": {SHIPPED: AGAINST}}


def records() -> dict[str, Any]:
    common = {"date": "2026-01-02", "machine": this_machine(), "run": "cifar10", "load_average_before": 0.5}
    return {
        "peers": {
            **common,
            "samples": 10_000,
            "seeds": [0, 1],
            "calibration_pictures": 200,
            "float_top1": 0.8401,
            "entries": {
                SHIPPED: ENTRY,
                "Other": {**ENTRY, "versions": {"other": "1.2"}, "against": {SHIPPED: AGAINST}},
            },
            "missing": {"Third": "its program:\nexit status 1"},
        },
        "latency": {
            **common,
            "rounds": 15,
            "cores_busy_with_others": 0.01,
            "entries": {
                "slow": {"whose": "float", "runtime": "x", "p50_us": 1234.5, "times_as_fast_as_tf_function": 0.5},
                "quick": {"whose": "ours", "runtime": "x", "p50_us": 85.2, "times_as_fast_as_tf_function": 7.71},
            },
            "fastest": {"ours": "quick", "peer": "other"},
            "ours_against_fastest_peer": 1.03,
            "missing": {},
        },
    }


def test_figures_of_the_peers_stand_in_their_rows() -> None:
    page = page_of(records())
    assert f"| {SHIPPED} | 84.20 % | -0.19 | -0.18 | 95,208 | litert |" in page
    assert "| Other | -0.12 | -0.30 to +0.06 | not to be told apart | 41 / 53 (0.26) |" in page
    assert "- Other: as its guide has it (other 1.2)" in page
    assert "- Third: its program: exit status 1" in page
    assert "10,000 blind-test pictures" in page


def test_latencies_stand_fastest_first() -> None:
    page = page_of(records())
    assert page.index("| quick | ours | 85.2 | 7.71 |") < page.index("| slow | float | 1,234.5 | 0.50 |")
    assert "takes 1.030 times as long as the fastest peer, other" in page


def test_a_goal_that_is_missed_is_marked() -> None:
    found = records()
    found["latency"]["ours_against_fastest_peer"] = 1.2
    row = next(line for line in page_of(found).splitlines() if line.startswith("| latency of our fastest"))
    assert row.endswith("| **missed** |")


def test_what_was_not_measured_is_named() -> None:
    page = page_of({})
    assert page.count("Not measured yet: `make bench`.") == 4
    assert "Not measured yet: `make bench-serving`." in page


def test_the_page_in_the_repository_is_that_of_its_figures() -> None:
    assert PLACE.with_suffix(".md").read_text(encoding="utf-8") == page_of(read_records())
