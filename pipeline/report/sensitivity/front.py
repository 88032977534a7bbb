"""The Pareto front of accuracy, size and latency."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.statistics import Pairs, pair

# Medians of interleaved timings of one file differ by about as much from run to run.
SAME_LATENCY = 0.03


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a form costs. `right`, bool [n]: whether it answers the samples at `positions`, int64 [n], as labelled:
    forms are compared on the samples that both were judged on."""

    right: NDArray[np.bool_]
    positions: NDArray[np.int64]
    bytes: int
    latency_ms: float


def versus(one: Costs, other: Costs) -> Pairs:
    """What `other` loses and gains against `one`, of the samples that both were judged on."""
    _, here, there = np.intersect1d(one.positions, other.positions, assume_unique=True, return_indices=True)
    return pair(one.right[here], other.right[there])


def beats(one: Costs, other: Costs) -> bool:
    """Whether `one` is no worse in accuracy, bytes and latency, and better in one of them.

    Latencies within SAME_LATENCY of each other are alike.
    """
    gain = versus(one, other).drop
    slower = one.latency_ms > other.latency_ms * (1 + SAME_LATENCY)
    quicker = one.latency_ms * (1 + SAME_LATENCY) < other.latency_ms
    no_worse = gain >= 0 and one.bytes <= other.bytes and not slower
    return no_worse and (gain > 0 or one.bytes < other.bytes or quicker)


def beaten_by(costs: Sequence[Costs]) -> list[list[int]]:
    """For each of `costs` the positions of those on the front that beat it, the smallest first; the front has none.

    Only what stands on the front itself puts another off it: alike is not transitive, and of a chain of forms, each a
    little larger and quicker than the one before, the first beats the second, the second the third, but not the first
    the third.
    """
    better: list[list[int]] = [[] for _ in costs]
    front: list[int] = []
    # Whatever beats a form comes before it in this order.
    for at in sorted(
        range(len(costs)), key=lambda at: (costs[at].bytes, -costs[at].right.mean(), costs[at].latency_ms)
    ):
        better[at] = [on for on in front if beats(costs[on], costs[at])]
        if not better[at]:
            front.append(at)
    return better
