"""A part of a split, where all of it would take too long."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import Samples


def spread(total: int, count: int) -> NDArray[np.int64]:
    """Positions of `count` of `total` samples, or of all where they are fewer, evenly over their order, ascending."""
    return np.linspace(0, total - 1, min(total, count)).round().astype(np.int64)


def pick(samples: Samples, positions: NDArray[np.int64]) -> Samples:
    """The samples at `positions` alone."""
    return replace(
        samples,
        labels=samples.labels[positions],
        index=samples.index[positions],
        names=tuple(samples.names[at] for at in positions),
    )


def at_most(samples: Samples, count: int) -> Samples:
    """`samples`, or `count` of them where they are more, evenly over their order."""
    return samples if len(samples) <= count else pick(samples, spread(len(samples), count))
