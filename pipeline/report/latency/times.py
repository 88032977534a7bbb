"""Single pictures, timed one after the other; the runtimes take turns, so that a busy machine slows all alike."""

import time
from dataclasses import dataclass

import numpy as np

from pipeline.evaluation import open_quietly
from pipeline.report.inspection import Inspection

_PERCENTILES = (1, 5, 25, 50, 75, 90, 95, 99)
_ROUNDS = 10
_SECONDS = 0.1  # of one runtime in one round
_FEWEST = 5  # pictures in a round, however slow


@dataclass(frozen=True, kw_only=True)
class Timed:
    """Milliseconds from raw bytes to logits, one picture, one thread, by percentile ("1" to "99") of `runs`."""

    subject: str
    runs: int
    percentiles: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """`timed`: the quickest first. `simulated`: subjects whose runtime stands in for a device, so that its speed says
    nothing."""

    timed: tuple[Timed, ...]
    simulated: tuple[str, ...]


def measure(inspection: Inspection) -> Facts:
    """Time every subject of the run but the simulated ones."""
    subjects = [subject for subject in inspection.subjects if not subject.simulated]
    blind = inspection.blind
    pictures = blind.pick(np.arange(min(64, len(blind))))
    runtimes = {subject.name: open_quietly(subject.runtime, subject.file, subject.layout) for subject in subjects}
    taken: dict[str, list[float]] = {name: [] for name in runtimes}
    for turn in range(_ROUNDS + 1):
        for name, runtime in runtimes.items():
            inspection.report("timing single pictures", turn, _ROUNDS + 1)
            times: list[float] = []
            while len(times) < _FEWEST or sum(times) < _SECONDS:
                picture = pictures[len(times) % len(pictures)][np.newaxis]
                start = time.perf_counter()
                runtime.run(picture)
                times.append(time.perf_counter() - start)
            if turn:  # the first round warms up
                taken[name] += times
    timed = [
        Timed(
            subject=name,
            runs=len(times),
            percentiles={
                str(share): float(value)
                for share, value in zip(_PERCENTILES, 1e3 * np.percentile(times, _PERCENTILES), strict=True)
            },
        )
        for name, times in taken.items()
    ]
    return Facts(
        timed=tuple(sorted(timed, key=lambda each: each.percentiles["50"])),
        simulated=tuple(subject.name for subject in inspection.subjects if subject.simulated),
    )
