"""What a comparison finds, and how two models' answers make it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.statistics import (
    SIGNIFICANT,
    Interval,
    mcnemar_exact,
    newcombe_interval,
    pair,
    score_interval,
    wilson_interval,
)

_MOST_FLIPS = 100

CAUTIOUS = (
    "McNemar's exact test tells a difference from chance; where few pictures changed sides it may show none although "
    "the interval just leaves 0."
)

Verdict = Literal["A is better", "B is better", "none shown"]


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two. `top1` over `samples` pictures with its 95 % Wilson interval; `bytes` of the model with its
    weights, None for float Keras; `latency_ms`: the median of single pictures on one thread, None where it says
    nothing."""

    subject: str
    precision: str
    top1: float
    top1_interval: Interval
    samples: int
    bytes: int | None
    latency_ms: float | None


@dataclass(frozen=True, kw_only=True)
class Flip:
    """A picture that the two give different labels, by name."""

    picture: str
    truth: str
    first: str
    second: str


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Two models on the same pictures. `p`: McNemar's exact test; `only_first`, `only_second`: pictures that one alone
    gets right; `agreement`: the share of equal labels; `flipped`: pictures with different ones; `flips`: the first
    hundred of them."""

    p: float
    only_first: int
    only_second: int
    agreement: float
    flipped: int
    flips: tuple[Flip, ...]


@dataclass(frozen=True, kw_only=True)
class Match:
    """The same thing on both sides. `gain`: top-1 of the second less that of the first, a share, with its 95 %
    interval: Tango's where the pictures are the same; otherwise Newcombe's, and `pairing` is None. `verdict`: "none
    shown" says that so many samples do not tell the difference from chance: by McNemar's exact test, which is more
    cautious than Tango's interval, otherwise by Newcombe's interval."""

    name: str
    first: Side
    second: Side
    gain: float
    gain_interval: Interval
    verdict: Verdict
    pairing: Pairing | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A is the first, B the second. `matches` side by side; `only_first`, `only_second`: what has no match on the other
    side; `notes` in words."""

    kind: str
    first: str
    second: str
    matches: tuple[Match, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What one model answered: `labels` and `truth` are indices [n] into `classes`; `names` are the pictures'."""

    labels: NDArray[np.intp]
    truth: NDArray[np.int32]
    names: tuple[str, ...]
    classes: tuple[str, ...]


def match_paired(name: str, first: Side, second: Side, before: Answers, after: Answers) -> Match:
    """Compare two models on the same pictures; `before` and `after` have the same truth and classes."""
    pairs = pair(before.labels == before.truth, after.labels == after.truth)
    p, (low, high) = mcnemar_exact(pairs), score_interval(pairs)
    gain = (pairs.gained - pairs.lost) / pairs.count
    flipped = np.flatnonzero(before.labels != after.labels)
    classes = before.classes
    pairing = Pairing(
        p=p,
        only_first=pairs.lost,
        only_second=pairs.gained,
        agreement=1 - len(flipped) / pairs.count,
        flipped=len(flipped),
        flips=tuple(
            Flip(
                picture=before.names[at],
                truth=classes[before.truth[at]],
                first=classes[before.labels[at]],
                second=classes[after.labels[at]],
            )
            for at in flipped[:_MOST_FLIPS]
        ),
    )
    return Match(
        name=name,
        first=first,
        second=second,
        gain=gain,
        gain_interval=(-high, -low),
        verdict=_verdict(p < SIGNIFICANT, gain),
        pairing=pairing,
    )


def match_unpaired(name: str, first: Side, second: Side) -> Match:
    """Compare two models that were judged on pictures of their own."""
    before, after = ((round(side.top1 * side.samples), side.samples) for side in (first, second))
    low, high = newcombe_interval(after, before)
    gain = second.top1 - first.top1
    return Match(
        name=name,
        first=first,
        second=second,
        gain=gain,
        gain_interval=(low, high),
        verdict=_verdict(low > 0 or high < 0, gain),
        pairing=None,
    )


def side_of(subject: str, precision: str, answers: Answers, size: int | None, latency_ms: float | None) -> Side:
    """A side whose top-1 is counted from its answers."""
    right, count = int(np.count_nonzero(answers.labels == answers.truth)), len(answers.truth)
    return Side(
        subject=subject,
        precision=precision,
        top1=right / count,
        top1_interval=wilson_interval(right, count),
        samples=count,
        bytes=size,
        latency_ms=latency_ms,
    )


def _verdict(real: bool, gain: float) -> Verdict:
    if not real:
        return "none shown"
    return "B is better" if gain > 0 else "A is better"
