"""What correct and wrong answers on the same pictures say about two ways to int8."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.statistics import Interval, mcnemar_exact, pair, score_interval

Right = NDArray[np.bool_]

_DIGITS = 6


def compare(ours: Right, peer: Right) -> dict[str, Any]:
    """Our drop of top-1 less the peer's, both bool [n], whether each answer is right: above 0 where ours lost more.

    With Tango's 95 % interval, the exact p of McNemar's test and the discordant pictures: `lost`, which the peer alone
    has right, and `gained`, which we alone have.
    """
    pairs = pair(peer, ours)
    return {
        "difference": _rounded(pairs.drop),
        "interval": [_rounded(end) for end in score_interval(pairs)],
        "lost": pairs.lost,
        "gained": pairs.gained,
        "p": _rounded(mcnemar_exact(pairs)),
    }


def compare_over_seeds(ours: Sequence[Right], peer: Sequence[Right]) -> dict[str, Any]:
    """The same of the mean over calibration seeds; each list holds one array, or one for each seed.

    The interval is Student's over pictures, of which each counts once, with its mean over the seeds: it tells of other
    pictures, the spread over `compare` of each seed tells of other seeds.
    """
    shares = np.mean(peer, axis=0) - np.mean(ours, axis=0)
    return {"difference": _rounded(float(shares.mean())), "interval": [_rounded(end) for end in _student(shares)]}


def _student(values: NDArray[np.float64]) -> Interval:
    from scipy.stats import ttest_1samp

    if not values.any():
        return 0.0, 0.0  # always alike: nothing to estimate a spread from
    found = ttest_1samp(values, 0).confidence_interval(0.95)
    return float(found.low), float(found.high)


def _rounded(value: float) -> float:
    return round(value, _DIGITS)
