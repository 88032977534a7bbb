"""What it costs to let the model say "I don't know": fewer answers, of which more are right."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.statistics import Interval, wilson_interval

WANTED = (0.95, 0.99)  # shares of right answers that people ask for
_ERROR = 0.05  # how often a promise may be wrong
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

    `score`: 0..1, chosen on validation so that in at most 5 of 100 draws of it the promise is false; None where it
    promises none. `validation`, `blind`: what is answered with it there. `verdict` on the blind test, which had no say
    in it: "holds" where the 95 % interval is above `wanted`, "missed" where it is below, "unclear" where the pictures
    are too few to tell, "unreachable" where there is no score.
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
    """The lowest threshold, in whole steps, that promises the accuracy `wanted`; 0 where all may be answered.

    Thresholds are tested from the surest pictures downwards by the exact binomial test, up to the first that fails: in
    a sequence that is fixed before an answer is looked at, each test may have the whole error (fixed sequence testing,
    as in A. Angelopoulos et al., "Learn then Test", 2021).
    """
    from scipy.stats import binom

    steps = (confidence.astype(np.float64) / _STEP).astype(np.int64)
    # From each step upwards: how many stand there, and are right.
    counts, hits = (np.bincount(steps, weights)[::-1].cumsum()[::-1] for weights in (None, right))
    surest_first = np.unique(steps)[::-1]
    tested = surest_first[counts[surest_first] >= _fewest(wanted, len(right))]
    held = binom.sf(hits[tested] - 1, counts[tested], wanted) <= _ERROR
    passed = len(held) if held.all() else int(held.argmin())
    if not passed:
        return None
    return 0.0 if passed == len(tested) else round(float(tested[passed - 1] * _STEP), 4)


def _fewest(wanted: float, count: int) -> int:
    """How many pictures the first test asks for: three times as many as could pass without an error, so that one among
    the surest does not end it, or half of a small set."""
    least = math.ceil(math.log(_ERROR) / math.log(wanted))
    return max(least, min(3 * least, count // 2))


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
