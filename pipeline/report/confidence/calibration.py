"""How far scores are from the chance to be right."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.statistics import Interval, wilson_interval

BINS = 15  # of equal width, as in Guo et al. 2017
FEWEST = 10  # pictures in a bin whose gap is looked at alone: of fewer, chance makes it
_DRAWS = 500

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Pictures whose confidence is above `low` and at most `high`: their mean `confidence`, and how many of the
    `count` are right: `accuracy` with its 95 % Wilson interval. Shares are of 0..1."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Scores against what was right, on one set of pictures.

    The confidence of an answer is its score. `confidence`: the mean; `gap`: that less the top-1, above 0 where the
    model is too sure. `ece`: expected calibration error, the mean distance of confidence and accuracy over 15 bins of
    equal width, weighted by pictures (Guo et al. 2017); `ece_of_chance`: what a perfectly calibrated model with these
    confidences stays below in 95 of 100 draws, as few pictures make an error out of nothing (consistency resampling,
    Bröcker and Smith 2007); `adaptive_ece`: the same error over 15 bins of as many pictures each; `largest`: the
    largest distance in a bin of at least 10 pictures, None where there is none. All are shares of 0..1.
    `likelihood`: mean negative log-likelihood in nats, 0 upwards; `brier`: mean squared distance of the scores to the
    truth, summed over classes, 0..2 (Brier 1950). `bins`: those of equal width that hold pictures.
    """

    confidence: float
    gap: float
    ece: float
    ece_of_chance: float
    adaptive_ece: float
    largest: float | None
    likelihood: float
    brier: float
    bins: tuple[Bin, ...]


def calibration(logits: NDArray[np.float32], labels: NDArray[np.int32], temperature: float) -> Calibration:
    """Judge the scores of logits [n, classes] divided by `temperature` against labels [n]."""
    scores, likelihood = _scores(logits, labels, temperature)
    confidence, right = scores.max(axis=1), logits.argmax(axis=1) == labels
    bins = _bins(confidence, right)
    distances = [abs(each.confidence - each.accuracy) for each in bins if each.count >= FEWEST]
    true_scores = scores[np.arange(len(labels)), labels]
    return Calibration(
        confidence=float(confidence.mean()),
        gap=float(confidence.mean() - right.mean()),
        ece=_distance(confidence, right, _places(confidence)),
        ece_of_chance=_ece_of_chance(confidence),
        adaptive_ece=_distance(confidence, right, _equal_shares(confidence)),
        largest=max(distances, default=None),
        likelihood=likelihood,
        brier=float(((scores**2).sum(axis=1) - 2 * true_scores + 1).mean()),
        bins=bins,
    )


def _scores(logits: NDArray[np.float32], labels: NDArray[np.int32], temperature: float) -> tuple[Floats, float]:
    """Scores, and the mean negative log-likelihood, which stays finite where a score is too small for a float."""
    shifted = (logits.astype(np.float64) - logits.max(axis=1, keepdims=True)) / temperature
    scores = np.exp(shifted)
    sums = scores.sum(axis=1)
    scores /= sums[:, np.newaxis]
    return scores, float((np.log(sums) - shifted[np.arange(len(labels)), labels]).mean())


def _places(confidence: Floats) -> NDArray[np.int64]:
    """The bin of equal width of each confidence; a bin holds its upper end."""
    return np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)


def _equal_shares(confidence: Floats) -> NDArray[np.int64]:
    """The bin of each confidence where every bin gets as many, and equal confidences stay together."""
    bounds = np.quantile(confidence, np.arange(1, BINS) / BINS)
    return np.searchsorted(bounds, confidence, side="left").astype(np.int64)


def _bins(confidence: Floats, right: Truths) -> tuple[Bin, ...]:
    places = _places(confidence)
    made = []
    for place in np.unique(places):
        inside = places == place
        count, hits = int(inside.sum()), int(right[inside].sum())
        made.append(
            Bin(
                low=float(place / BINS),
                high=float((place + 1) / BINS),
                count=count,
                confidence=float(confidence[inside].mean()),
                accuracy=hits / count,
                interval=wilson_interval(hits, count),
            )
        )
    return tuple(made)


def _distance(confidence: Floats, right: Truths, places: NDArray[np.int64]) -> float:
    """The calibration error over the bins that `places` [n] name."""
    return float(np.abs(np.bincount(places, confidence - right)).sum() / len(confidence))


def _ece_of_chance(confidence: Floats) -> float:
    random, places = np.random.default_rng(0), _places(confidence)
    draws = (random.random(len(confidence)) < confidence for _ in range(_DRAWS))
    return float(np.quantile([_distance(confidence, right, places) for right in draws], 0.95))
