"""Fair timing: variants take turns, so that a busy machine slows all of them alike."""

import statistics
import time
from collections.abc import Callable


def interleave(variants: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each variant in each round, after one round that does not count; the order turns every round."""
    for run in variants.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    names = list(variants)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = time.perf_counter()
            variants[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(seconds: dict[str, list[float]], of: str, to: str) -> float:
    """The median over the rounds of how many times faster `of` is than `to`."""
    return statistics.median(b / a for a, b in zip(seconds[of], seconds[to], strict=True))
