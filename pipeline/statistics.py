"""Intervals and tests that say how far a measured share, or the difference of two, can be trusted.

Two models judged on the same pictures are matched pairs: what both get right, or both wrong, says nothing of their
difference, and pairs resolve far smaller ones than two intervals laid side by side.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Interval = tuple[float, float]

SIGNIFICANT = 0.05  # a p below it is called more than chance, by custom (R. A. Fisher, 1925)

_POWER = 0.8  # what sample sizes are planned for, by custom (J. Cohen, "Statistical Power Analysis", 1988)
_ROUNDING = 1e-9  # far below one sample's share


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Two models on the same `count` samples: `lost` by the second (the first was right), `gained` by it."""

    count: int
    lost: int
    gained: int

    @property
    def drop(self) -> float:
        """Accuracy of the first less that of the second, a share in -1..1."""
        return (self.lost - self.gained) / self.count


def pair(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Pairs:
    """Count the pairs of two models; bool [n] each: whether its answer to a sample is right."""
    return Pairs(
        count=len(first), lost=int(np.count_nonzero(first & ~second)), gained=int(np.count_nonzero(second & ~first))
    )


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """The interval of a proportion, within 0..1 (E. B. Wilson, "Probable inference", 1927)."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / trials
    middle = share + z * z / (2 * trials)
    reach = z * (share * (1 - share) / trials + z * z / (4 * trials * trials)) ** 0.5
    scale = 1 + z * z / trials
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)


def mcnemar_exact(pairs: Pairs) -> float:
    """The two-sided p of McNemar's test: how often chance alone would split the discordant pairs so unevenly.

    Exact, from the binomial distribution (Q. McNemar, "Note on the sampling error of the difference between correlated
    proportions", 1947); 1 where there are none.
    """
    from scipy.stats import binomtest

    discordant = pairs.lost + pairs.gained
    return float(binomtest(pairs.lost, discordant).pvalue) if discordant else 1.0


def score_interval(pairs: Pairs, confidence: float = 0.95) -> Interval:
    """The interval of the drop, within -1..1: those drops that a score test does not reject.

    Holds its coverage also where few pairs differ, or none, as of a model that hardly loses (T. Tango, "Equivalence
    test and confidence interval for the difference in proportions for the paired-sample design", 1998).
    """
    from scipy.optimize import brentq

    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    edge = 1 - 1e-9  # the statistic has no value at -1 and 1
    low = -1.0 if pairs.drop == -1 else brentq(lambda drop: _score(pairs, drop) - z, -edge, edge)
    high = 1.0 if pairs.drop == 1 else brentq(lambda drop: _score(pairs, drop) + z, -edge, edge)
    return float(low), float(high)


def upper_bound(pairs: Pairs, confidence: float = 0.95) -> float:
    """What the drop does not exceed, with one-sided `confidence`: the end of Tango's interval."""
    return score_interval(pairs, 2 * confidence - 1)[1]


def lower_bound(pairs: Pairs, confidence: float = 0.95) -> float:
    """What the drop does not fall below, with one-sided `confidence`."""
    return score_interval(pairs, 2 * confidence - 1)[0]


def samples_to_tell(pairs: Pairs, allowed: float, confidence: float = 0.95) -> int | None:
    """How many samples it takes until `upper_bound` is within `allowed`, in four cases of five, where the shares of
    lost and gained stay as they are here; None where the drop is not below `allowed`, so that no number does.

    The score grows with the root of the number.
    """
    if allowed - pairs.drop < _ROUNDING:
        return None
    if allowed == 1:
        return 1  # no drop exceeds it; its score has no value
    normal = NormalDist()
    reach = normal.inv_cdf(confidence) + normal.inv_cdf(_POWER)
    return math.ceil(pairs.count * (reach / _score(pairs, allowed)) ** 2)


def _score(pairs: Pairs, drop: float) -> float:
    """How many standard errors the measured drop lies above `drop`, were that the true one (Tango 1998, section 2)."""
    count, lost, gained = pairs.count, pairs.lost, pairs.gained
    linear = (2 * count - lost + gained) * drop - lost - gained
    constant = -gained * drop * (1 - drop)
    # The likeliest share of gained pairs given that drop.
    share = (math.sqrt(max(0.0, linear * linear - 8 * count * constant)) - linear) / (4 * count)
    return (lost - gained - count * drop) / math.sqrt(count * (2 * share + drop * (1 - drop)))


def bootstrap_interval(pairs: Pairs, confidence: float = 0.95, resamples: int = 10_000, seed: int = 0) -> Interval:
    """The percentile interval of the drop over `resamples` samples drawn anew, pairs kept together (B. Efron,
    "Bootstrap methods: another look at the jackknife", 1979).

    A pair adds -1, 0 or 1, so that drawing pairs with replacement is drawing their counts from a multinomial.
    """
    lost, gained = pairs.lost / pairs.count, pairs.gained / pairs.count
    shares = (lost, gained, max(0.0, 1 - lost - gained))
    drawn = np.random.default_rng(seed).multinomial(pairs.count, shares, size=resamples)
    drops = (drawn[:, 0] - drawn[:, 1]) / pairs.count
    low, high = np.quantile(drops, ((1 - confidence) / 2, (1 + confidence) / 2))
    return float(low), float(high)


def newcombe_interval(first: tuple[int, int], second: tuple[int, int], confidence: float = 0.95) -> Interval:
    """The interval of the first share less the second, each (successes, trials) on samples of its own.

    Method 10 of R. G. Newcombe, "Interval estimation for the difference between independent proportions", 1998.
    """
    (low_1, high_1), (low_2, high_2) = (wilson_interval(*each, confidence) for each in (first, second))
    share_1, share_2 = first[0] / first[1], second[0] / second[1]
    difference = share_1 - share_2
    return (
        difference - math.hypot(share_1 - low_1, high_2 - share_2),
        difference + math.hypot(high_1 - share_1, share_2 - low_2),
    )
