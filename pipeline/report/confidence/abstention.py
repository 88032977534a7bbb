"""What it costs to let the model say "I don't know": fewer answers, of which more are right."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.statistics import Interval, wilson_interval

WANTED = (0.95, 0.99)  # shares of right answers that people ask for
_STEP = 1e-4  # of thresholds: they are typed by people
_POINTS = 50  # of the curve

Verdict = Literal["holds", "unclear", "missed", "unreachable"]
Confidences = NDArray[np.float32]
Truths = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What stands at or above a threshold: `count` pictures, `coverage` of all, `accuracy` of them right, with its 95 %
    Wilson interval; None where none stands there. Shares are of 0..1."""

    count: int
    coverage: float
    accuracy: float | None
    interval: Interval | None


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """The least score to be answered so that at least `wanted` of the answers are right.

    `score`: 0..1, the lowest that keeps the one-sided 95 % Wilson bound of the accuracy on validation at `wanted`,
    after the selection with guaranteed risk of Geifman and El-Yaniv 2017; None where no score does. `validation`,
    `blind`: what is answered with it there. `verdict` on the blind test, which had no say in it: "holds" where the 95 %
    interval is above `wanted`, "missed" where it is below, "unclear" where the pictures are too few to tell,
    "unreachable" where there is no score.
    """

    wanted: float
    score: float | None
    validation: Answered | None
    blind: Answered | None
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Point:
    """The `coverage` of all pictures with the highest scores, from `score` upwards: `accuracy` of them are right."""

    coverage: float
    score: float
    accuracy: float


def curve(confidence: Confidences, right: Truths) -> tuple[Point, ...]:
    """Accuracy against coverage, from the surest pictures to all of them."""
    order = np.argsort(-confidence, kind="stable")
    hits = np.cumsum(right[order])
    counts = np.unique(np.linspace(1, len(right), min(_POINTS, len(right))).round().astype(np.int64))
    return tuple(
        Point(
            coverage=float(count / len(right)),
            score=float(confidence[order[count - 1]]),
            accuracy=float(hits[count - 1] / count),
        )
        for count in counts
    )


def choose(wanted: float, validation: tuple[Confidences, Truths], blind: tuple[Confidences, Truths]) -> Threshold:
    """Choose on validation, verify on the blind test: confidences [n] and whether they are right [n] of both."""
    score = _lowest(wanted, *validation)
    if score is None:
        return Threshold(wanted=wanted, score=None, validation=None, blind=None, verdict="unreachable")
    answered = _answered(score, *blind)
    return Threshold(
        wanted=wanted,
        score=score,
        validation=_answered(score, *validation),
        blind=answered,
        verdict=_verdict(wanted, answered.interval),
    )


def _lowest(wanted: float, confidence: Confidences, right: Truths) -> float | None:
    """The lowest threshold, in whole steps, from which the accuracy is surely `wanted`."""
    steps = (confidence.astype(np.float64) / _STEP).astype(np.int64)
    # From each step upwards: how many stand there, and are right.
    counts, hits = (np.bincount(steps, weights)[::-1].cumsum()[::-1] for weights in (None, right))
    for step in (0, *np.unique(steps)):
        # Two-sided 90 % has 5 % on either side.
        if wilson_interval(int(hits[step]), int(counts[step]), confidence=0.9)[0] >= wanted:
            return round(float(step * _STEP), 4)
    return None


def _answered(score: float, confidence: Confidences, right: Truths) -> Answered:
    inside = confidence.astype(np.float64) >= score
    count, hits = int(inside.sum()), int(right[inside].sum())
    return Answered(
        count=count,
        coverage=count / len(right),
        accuracy=hits / count if count else None,
        interval=wilson_interval(hits, count) if count else None,
    )


def _verdict(wanted: float, interval: Interval | None) -> Verdict:
    if interval is None or interval[0] < wanted <= interval[1]:
        return "unclear"
    return "holds" if interval[0] >= wanted else "missed"
