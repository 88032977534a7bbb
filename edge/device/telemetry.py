"""What a device answered, in numbers: counts of labels and of confidences by day, in small files. Off unless asked for.

    ROOT/telemetry/flowers-1.2.0.json   {"format": 1, "name": "flowers", "version": "1.2.0", "days": {"2026-03-01":
                                        {"labels": {"rose": 12, ...}, "confidence": [20 counts, of 0..0.05, ...]}, ...}}

Never pictures, names of files, or addresses. What is kept is bounded: 8 files, 64 KiB and 14 days each.
"""

from __future__ import annotations

import fcntl
import json
import logging
import math
import re
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from edge.device.files import write_bytes

FORMAT = 1
BINS = 20  # of confidence, from 0 to 1
DAYS = 14
FILES = 8
FILE_BYTES = 64 * 1024
LEAST = 100  # answers of a day, below which it tells nothing of drift
OTHERS = "(others)"  # what the rarest labels are counted as where a day does not fit its file

_SECONDS = 60.0  # between two writes

log = logging.getLogger("edgewise")


@dataclass
class Day:
    """Counts of one day, UTC: answers by label, and by confidence in 20 bins of equal width."""

    labels: Counter[str] = field(default_factory=Counter)
    confidence: list[int] = field(default_factory=lambda: [0] * BINS)

    @property
    def answers(self) -> int:
        return sum(self.labels.values())

    def add(self, other: Day) -> None:
        self.labels.update(other.labels)
        self.confidence = [mine + its for mine, its in zip(self.confidence, other.confidence)]


Days = dict[str, Day]  # by date, as 2026-03-01


class Telemetry:
    """Counts answers, and adds them to the file of `name` and `version` in `folder` once in `seconds` and in the end.

    Several processes may count into one file. Where it cannot be written, what was counted waits for the next time.
    """

    def __init__(self, folder: Path, name: str, version: str, seconds: float = _SECONDS) -> None:
        self._folder = folder
        self._name, self._version = name, version
        self._days: Days = {}  # since the last write
        self._lock = threading.Lock()
        self._ended = threading.Event()
        # A thread of its own: a memory card takes its time to write, and no request shall wait for it.
        self._thread = threading.Thread(target=self._write_now_and_then, args=(seconds,), daemon=True)
        self._thread.start()

    def count(self, answers: Iterable[tuple[str, float | None]]) -> None:
        """Count labels, each with its confidence in 0..1, None where that is no number."""
        today = datetime.now(timezone.utc).date().isoformat()
        with self._lock:
            day = self._days.setdefault(today, Day())
            for label, confidence in answers:
                day.labels[label] += 1
                day.confidence[0 if confidence is None else min(int(confidence * BINS), BINS - 1)] += 1
            while len(self._days) > DAYS:
                del self._days[min(self._days)]

    def close(self) -> None:
        """Write what is left."""
        self._ended.set()
        self._thread.join()
        self._write()

    def _write_now_and_then(self, seconds: float) -> None:
        while not self._ended.wait(seconds):
            self._write()

    def _write(self) -> None:
        with self._lock:
            new, self._days = self._days, {}
        if not new:
            return
        try:
            add_to_file(self._folder, self._name, self._version, new)
        except OSError as error:
            log.warning("telemetry: cannot be written (%s); tried again later", error)
            with self._lock:
                for date, day in self._days.items():
                    new.setdefault(date, Day()).add(day)
                self._days = new


def add_to_file(folder: Path, name: str, version: str, new: Days) -> None:
    """Add the counts `new` to the file of `name` and `version`; oldest days and files go where there are too many."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = folder / file_name(name, version)
        days = read_days(path)
        for date, day in new.items():
            days.setdefault(date, Day()).add(day)
        write_bytes(path, _fitting(name, version, days))
        files = sorted(folder.glob("*.json"), key=lambda each: (each != path, -each.stat().st_mtime))
        for old in files[FILES:]:
            old.unlink()


def read_days(path: Path) -> Days:
    """The days of a file; none where it is missing or is no such file: it is written anew then."""
    try:
        if path.stat().st_size > FILE_BYTES:
            return {}
        body = json.loads(path.read_text(encoding="utf-8"))
        if body["format"] != FORMAT:
            return {}
        return {date: _day(value) for date, value in body["days"].items() if datetime.fromisoformat(date)}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def file_name(name: str, version: str) -> str:
    """What the file of a model's version is called, whatever the two hold."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", f"{name[:64]}-{version[:64]}").lstrip(".") + ".json"


def summary(folder: Path, name: str, version: str) -> dict[str, Any] | None:
    """What a status tells of a version: days and answers that are kept, the latest day, its drift; None where nothing
    was counted."""
    days = read_days(folder / file_name(name, version))
    if not days:
        return None
    latest = max(days)
    return {
        "days": len(days),
        "answers": sum(day.answers for day in days.values()),
        "latest": latest,
        "latest_answers": days[latest].answers,
        "drift": drift(days),
    }


def drift(days: Mapping[str, Day]) -> float | None:
    """How far the latest day's answers have moved from those of the first day that has 100 of them.

    The population stability index, sum over bins of (p - q) ln(p / q), of labels and of confidences; the larger of the
    two. The usual reading: below 0.1 no shift, 0.1 to 0.25 a small one, above a large one (Siddiqi, "Credit Risk
    Scorecards", 2006). Half an answer is added to each bin, so that an empty one does not make it infinite, and what
    chance alone is expected to give, (bins - 1) (1/n + 1/m), is taken off (Yurdakul and Naranjo, "Statistical
    properties of the population stability index", Journal of Risk Model Validation 14(4), 2020): a hundred answers in
    20 bins would reach 0.38 without any shift.

    None where there is no such day before the latest, or the latest has fewer than 100 answers.
    """
    full = sorted(date for date, day in days.items() if day.answers >= LEAST)
    if len(full) < 2 or full[-1] != max(days):
        return None
    first, last = days[full[0]], days[full[-1]]
    labels = sorted(first.labels.keys() | last.labels.keys())
    return max(
        _stability([first.labels[each] for each in labels], [last.labels[each] for each in labels]),
        _stability(first.confidence, last.confidence),
    )


def _stability(before: Sequence[int], after: Sequence[int]) -> float:
    bins = [(old + 0.5, new + 0.5) for old, new in zip(before, after) if old or new]
    old_sum, new_sum = sum(old for old, _ in bins), sum(new for _, new in bins)
    index = sum((new / new_sum - old / old_sum) * math.log(new / new_sum * old_sum / old) for old, new in bins)
    return max(0.0, index - (len(bins) - 1) * (1 / old_sum + 1 / new_sum))


def _day(value: Any) -> Day:
    """A day of a file; raises ValueError where it is none."""
    labels, confidence = dict(value["labels"]), list(value["confidence"])
    if len(confidence) != BINS or not all(
        type(count) is int and count >= 0 for count in (*labels.values(), *confidence)
    ):
        raise ValueError("expected counts")
    return Day(labels=Counter(labels), confidence=confidence)


def _fitting(name: str, version: str, days: Days) -> bytes:
    """The file's content, of the latest days that it holds."""
    kept = dict(sorted(days.items())[-DAYS:])
    content = _content(name, version, kept)
    while len(content) > FILE_BYTES and len(kept) > 1:
        del kept[min(kept)]
        content = _content(name, version, kept)
    while len(content) > FILE_BYTES:  # one day of very many labels
        (day,) = kept.values()
        common = day.labels.most_common(len(day.labels) // 2)
        day.labels = Counter(dict(common)) + Counter({OTHERS: day.answers - sum(count for _, count in common)})
        content = _content(name, version, kept)
    return content


def _content(name: str, version: str, days: Days) -> bytes:
    told = {date: {"labels": dict(day.labels), "confidence": day.confidence} for date, day in days.items()}
    body = {"format": FORMAT, "name": name[:64], "version": version[:64], "days": told}
    return (json.dumps(body, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
