"""Fair timing: variants take turns, so that a busy machine slows all of them alike."""

import functools
import statistics
import time
from collections.abc import Callable, Mapping


def take_turns(variants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """What each variant returns in each round, after one round that does not count; the order turns every round."""
    for run in variants.values():
        run()
    figures: dict[str, list[float]] = {name: [] for name in variants}
    names = list(variants)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            figures[name].append(variants[name]())
    return figures


def interleave(variants: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each variant in each round, as `take_turns` has them."""
    return take_turns({name: functools.partial(seconds_of, run) for name, run in variants.items()}, rounds)


def seconds_of(run: Callable[[], None]) -> float:
    """How long `run()` takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def ratio(seconds: dict[str, list[float]], of: str, to: str) -> float:
    """The median over the rounds of how many times faster `of` is than `to`."""
    return statistics.median(b / a for a, b in zip(seconds[of], seconds[to], strict=True))
