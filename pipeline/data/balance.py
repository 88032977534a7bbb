"""Choosing a few samples that show every class."""

import numpy as np
from numpy.typing import NDArray


def balanced_positions(labels: NDArray[np.int32], count: int, seed: int) -> NDArray[np.int64]:
    """Positions of up to `count` samples, as evenly over the classes as they allow, in ascending order."""
    ranked = np.random.default_rng(seed).permutation(len(labels))
    # The k-th sample of each class comes before the (k+1)-th of any.
    turn = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        members = ranked[labels[ranked] == label]
        turn[members] = np.arange(len(members))
    return np.sort(ranked[np.argsort(turn[ranked], kind="stable")][:count])
