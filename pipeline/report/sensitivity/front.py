"""The Pareto front of accuracy, size and latency."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Medians of interleaved timings of one file differ by about as much from run to run.
SAME_LATENCY = 0.03


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a form costs. `lost`, int8 [n]: 1 where float alone is right, -1 where the form alone is, else 0, of the
    samples at `positions`, int64 [n]: forms are compared on the samples that both were judged on."""

    lost: NDArray[np.int8]
    positions: NDArray[np.int64]
    bytes: int
    latency_ms: float


def beats(one: Costs, other: Costs) -> bool:
    """Whether `one` is no worse in accuracy, bytes and latency, and better in one of them.

    Latencies within SAME_LATENCY of each other are alike.
    """
    _, here, there = np.intersect1d(one.positions, other.positions, assume_unique=True, return_indices=True)
    loses, other_loses = int(one.lost[here].sum()), int(other.lost[there].sum())
    slower = one.latency_ms > other.latency_ms * (1 + SAME_LATENCY)
    quicker = one.latency_ms * (1 + SAME_LATENCY) < other.latency_ms
    no_worse = loses <= other_loses and one.bytes <= other.bytes and not slower
    return no_worse and (loses < other_loses or one.bytes < other.bytes or quicker)


def beaten_by(costs: Sequence[Costs]) -> list[list[int]]:
    """For each of `costs` the positions of those that beat it; the front has none."""
    return [[at for at, other in enumerate(costs) if beats(other, one)] for one in costs]
