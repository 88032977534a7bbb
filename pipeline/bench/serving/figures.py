"""From samples to figures: percentiles, medians over rounds, ratios within rounds."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What one variant did in one round: per second, seconds of CPU for each request, seconds of latency."""

    throughput: float
    cpu: float
    p50: float
    p99: float


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least `share` of them do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median_of(turns: Sequence[Turn], figure: str) -> float:
    """The median over the rounds of one figure of `Turn`."""
    return statistics.median(float(getattr(turn, figure)) for turn in turns)


def ratio_of(turns: Sequence[Turn], others: Sequence[Turn], figure: str) -> float:
    """The median over the rounds of how many times larger a figure is than another variant's in the same round."""
    pairs = zip(turns, others, strict=True)
    return statistics.median(float(getattr(one, figure) / getattr(other, figure)) for one, other in pairs)
