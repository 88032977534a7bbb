"""Latency of the forms on this host, taken in turns."""

import statistics
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from edge.device.runtimes import Runtime
from pipeline.interleave import interleave

_ROUNDS = 15
_TURN_MS = 15.0  # of one form in one round, about
_MOST_PICTURES = 100


def median_latencies(runtimes: Mapping[str, Runtime], pictures: NDArray[np.uint8]) -> dict[str, float]:
    """Milliseconds of one picture in each runtime: the median over rounds of a turn's mean."""
    rough = interleave({name: _turn(runtime, pictures, 1) for name, runtime in runtimes.items()}, 3)
    counts = {name: int(np.clip(_TURN_MS / (1e3 * min(seconds)), 1, _MOST_PICTURES)) for name, seconds in rough.items()}
    turns = {name: _turn(runtime, pictures, counts[name]) for name, runtime in runtimes.items()}
    seconds = interleave(turns, _ROUNDS)
    return {name: 1e3 * statistics.median(taken) / counts[name] for name, taken in seconds.items()}


def _turn(runtime: Runtime, pictures: NDArray[np.uint8], count: int) -> Callable[[], None]:
    batches = [pictures[at % len(pictures)][np.newaxis] for at in range(count)]

    def run() -> None:
        for batch in batches:
            runtime.run(batch)

    return run
