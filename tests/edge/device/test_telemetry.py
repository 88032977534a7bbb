"""Counts that stay small, are added up whoever writes, and tell drift."""

from __future__ import annotations

import json
import os
import random
import threading
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.device.telemetry import (
    BINS,
    DAYS,
    FILE_BYTES,
    FILES,
    OTHERS,
    Day,
    Telemetry,
    add_to_file,
    drift,
    file_name,
    read_days,
    summary,
)


def day(labels: dict[str, int], confidence: int = 18) -> Day:
    bins = [0] * BINS
    bins[confidence] = sum(labels.values())
    return Day(labels=Counter(labels), confidence=bins)


def random_day(seed: int, answers: int, weights: dict[str, float], sure: float) -> Day:
    chance, made = random.Random(seed), Day()  # noqa: S311
    for label in chance.choices(list(weights), list(weights.values()), k=answers):
        made.labels[label] += 1
        made.confidence[min(int(chance.betavariate(sure, 1.5) * BINS), BINS - 1)] += 1
    return made


def test_counts_of_several_writers_add_up(tmp_path: Path) -> None:
    writers = [Telemetry(tmp_path, "flowers", "1.2.0", seconds=0.01) for _ in range(4)]

    def count(telemetry: Telemetry) -> None:
        for at in range(500):
            telemetry.count([("rose", at / 499), ("lily", None)])

    threads = [threading.Thread(target=count, args=(each,)) for each in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for writer in writers:
        writer.close()
    days = read_days(tmp_path / "flowers-1.2.0.json").values()
    labels: Counter[str] = sum((each.labels for each in days), Counter())
    assert labels == {"rose": 2000, "lily": 2000}
    assert sum(sum(each.confidence) for each in days) == 4000
    assert sum(each.confidence[BINS - 1] for each in days) == 4 * 25


def test_file_holds_numbers_and_labels_alone(tmp_path: Path) -> None:
    telemetry = Telemetry(tmp_path, "flowers", "1.2.0")
    telemetry.count([("rose", 0.97)])
    telemetry.close()
    body = json.loads((tmp_path / "flowers-1.2.0.json").read_text())
    (told,) = body.pop("days").values()
    assert body == {"format": 1, "name": "flowers", "version": "1.2.0"}
    assert told == {"labels": {"rose": 1}, "confidence": [0] * 19 + [1]}


def test_nothing_is_written_where_nothing_was_counted(tmp_path: Path) -> None:
    Telemetry(tmp_path / "telemetry", "flowers", "1.2.0").close()
    assert list(tmp_path.iterdir()) == []


def test_folder_in_the_way_stops_nobody_and_counts_wait(tmp_path: Path) -> None:
    (tmp_path / "telemetry").write_text("a file")
    telemetry = Telemetry(tmp_path / "telemetry", "flowers", "1.2.0", seconds=0.001)
    telemetry.count([("rose", 0.97)])
    (tmp_path / "telemetry").unlink()
    telemetry.close()
    (told,) = read_days(tmp_path / "telemetry" / "flowers-1.2.0.json").values()
    assert told.labels == {"rose": 1}


@given(
    st.dictionaries(st.dates().map(str), st.dictionaries(st.text(max_size=40), st.integers(1, 10**9), min_size=1)),
    st.integers(0, 3000),
)
def test_file_stays_within_its_bounds(tmp_path_factory: pytest.TempPathFactory, days: dict, many: int) -> None:
    folder = tmp_path_factory.mktemp("telemetry")
    new = {date: day(labels) for date, labels in days.items()}
    new["2026-01-01"] = day({f"a label of {at} that is not short": at + 1 for at in range(many + 1)})
    add_to_file(folder, "flowers", "1.2.0", new)
    path = folder / "flowers-1.2.0.json"
    assert path.stat().st_size <= FILE_BYTES
    kept = read_days(path)
    assert 1 <= len(kept) <= DAYS
    assert list(kept) == sorted(new)[-len(kept) :]
    last = max(kept)
    assert (kept[last].answers, kept[last].confidence) == (new[last].answers, new[last].confidence)
    assert kept[last].labels == new[last].labels or OTHERS in kept[last].labels


def test_oldest_files_go(tmp_path: Path) -> None:
    for at in range(FILES + 4):
        add_to_file(tmp_path, "flowers", f"1.{at}.0", {"2026-01-01": day({"rose": 1})})
        os.utime(tmp_path / f"flowers-1.{at}.0.json", (at, at))
    expected = {file_name("flowers", f"1.{at}.0") for at in range(4, FILES + 4)}
    assert {path.name for path in tmp_path.glob("*.json")} == expected


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"format": 2}', '{"format": 1, "days": 3}', '{"format": 1, "days": {"x": {}}}', "9" * FILE_BYTES,
     '{"format": 1, "days": {"2026-01-01": {"labels": {"a": -1}, "confidence": []}}}'],
)  # fmt: skip
def test_damaged_file_is_begun_anew(content: str, tmp_path: Path) -> None:
    (tmp_path / "flowers-1.2.0.json").write_text(content)
    add_to_file(tmp_path, "flowers", "1.2.0", {"2026-01-01": day({"rose": 1})})
    assert read_days(tmp_path / "flowers-1.2.0.json") == {"2026-01-01": day({"rose": 1})}


@given(st.text(max_size=200), st.text(max_size=200))
def test_file_name_of_anything_is_one_of_a_file(name: str, version: str) -> None:
    made = file_name(name, version)
    assert "/" not in made and not made.startswith(".") and made.endswith(".json") and len(made) < 200


EVEN = {"rose": 1.0, "lily": 1.0, "iris": 1.0}


@pytest.mark.parametrize("answers", [100, 1000, 20_000])
def test_drift_of_the_same_answers_is_small(answers: int) -> None:
    seen = [
        drift({"2026-01-01": random_day(seed, answers, EVEN, 8), "2026-01-02": random_day(-seed - 1, answers, EVEN, 8)})
        for seed in range(20)
    ]
    within = sum(each is not None and each < 0.25 for each in seen)
    assert within == 20 if answers > 100 else within >= 18


@pytest.mark.parametrize(
    ("weights", "sure"), [({"rose": 6.0, "lily": 1.0, "iris": 1.0}, 8), (EVEN, 2), ({**EVEN, "tulip": 3.0}, 8)]
)
def test_drift_of_other_labels_or_less_confidence_is_large(weights: dict[str, float], sure: float) -> None:
    days = {"2026-01-01": random_day(1, 1000, EVEN, 8), "2026-01-02": random_day(2, 1000, weights, sure)}
    seen = drift(days)
    assert seen is not None and seen > 0.25


def test_drift_is_the_published_index_where_there_are_many_answers() -> None:
    # Shares of 0.5 and 0.5 against 0.6 and 0.4: 0.1 ln 1.2 - 0.1 ln 0.8.
    days = {"2026-01-01": day({"a": 500_000, "b": 500_000}), "2026-01-02": day({"a": 600_000, "b": 400_000})}
    assert drift(days) == pytest.approx(0.04055, abs=1e-4)


def test_drift_needs_a_hundred_answers_on_both_sides() -> None:
    assert drift({}) is None
    assert drift({"2026-01-01": day({"a": 100})}) is None
    assert drift({"2026-01-01": day({"a": 99}), "2026-01-02": day({"a": 100})}) is None
    assert drift({"2026-01-01": day({"a": 100}), "2026-01-02": day({"a": 99})}) is None
    few_first = {"2026-01-01": day({"b": 5}), "2026-01-02": day({"a": 100}), "2026-01-03": day({"a": 100})}
    assert drift(few_first) == 0.0


def test_summary_tells_the_latest_day(tmp_path: Path) -> None:
    assert summary(tmp_path, "flowers", "1.2.0") is None
    add_to_file(tmp_path, "flowers", "1.2.0", {"2026-01-01": day({"a": 100}), "2026-01-02": day({"a": 150})})
    assert summary(tmp_path, "flowers", "1.2.0") == {
        "days": 2,
        "answers": 250,
        "latest": "2026-01-02",
        "latest_answers": 150,
        "drift": 0.0,
    }
