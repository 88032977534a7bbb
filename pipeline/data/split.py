"""Which pictures train, which choose, and which are kept blind for the one final test."""

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import Split
from pipeline.data.source import UNGIVEN


def divide(
    labels: NDArray[np.int32],
    groups: NDArray[np.int64],
    given: NDArray[np.int8],
    shares: tuple[float, float, float],
    seed: int,
) -> NDArray[np.uint8]:
    """Give each of n pictures its Split: uint8 [n].

    Parts that the source gives stay as they are; the rest is divided among the other splits in proportion of their
    `shares`, class by class, so that each split has the classes in the same proportions. Pictures of one group (equal
    `groups`, int64 [n]) stay together. The same arguments give the same split on every machine.
    """
    split = given.astype(np.uint8)
    places = [place for place in Split if not (given == place).any()]
    weights = np.array([shares[place] for place in places])
    for label, bundles in _bundles(labels, groups, given).items():
        # A generator for each class: another class more or less leaves this one's division as it was.
        generator = np.random.Generator(np.random.PCG64([seed, label]))
        draw = generator.random(len(bundles))
        order = sorted(range(len(bundles)), key=lambda at: (-len(bundles[at]), draw[at]))
        need = _apportion(sum(len(bundle) for bundle in bundles), weights)
        for at in order:
            # Large groups first, each where most is missing: single pictures then fill every share exactly.
            best = int(np.argmax(need))
            need[best] -= len(bundles[at])
            split[bundles[at]] = places[best]
    return split


def _bundles(
    labels: NDArray[np.int32], groups: NDArray[np.int64], given: NDArray[np.int8]
) -> dict[int, list[NDArray[np.int64]]]:
    """Positions of the pictures that are ours to divide: for each class, one array for each group."""
    ours = np.flatnonzero(given == UNGIVEN)
    ours = ours[np.argsort(groups[ours], kind="stable")]
    borders = np.flatnonzero(np.diff(groups[ours])) + 1
    bundles: dict[int, list[NDArray[np.int64]]] = {}
    for members in np.split(ours, borders):
        if len(members):
            bundles.setdefault(int(labels[members[0]]), []).append(members)
    return bundles


def _apportion(count: int, weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole numbers that sum to `count` in proportion of `weights`, by largest remainders; none is 0 if that can be."""
    exact = count * weights / weights.sum()
    whole: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    whole[np.argsort(whole - exact, kind="stable")[: count - whole.sum()]] += 1
    while count >= len(whole) and not whole.all():
        whole[np.argmax(whole)] -= 1
        whole[np.argmin(whole)] += 1
    return whole
