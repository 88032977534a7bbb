"""Blind-test pictures that stand in training or validation too, and identical pictures with different labels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import Dataset, Split
from pipeline.data.duplicates import digest, groups_of, sets_of
from pipeline.data.source import Report
from pipeline.report.integrity.facts import Copy
from pipeline.report.integrity.likeness import SMALLEST, Reduced, most_alike, reduced

_CHUNK = 1024
_PRODUCTS = 2 * 10**9  # pictures times pictures that are compared: about half a minute


@dataclass(frozen=True, kw_only=True)
class Leaks:
    """`identical` and `similar`: positions in the data set of blind-test pictures, int64, none in both; `similar` is
    None where pictures are too small to tell. `copies` has one entry for each of them, identical ones first.
    `compared`: how many of the blind test were looked at for similar ones; `conflicts`: sets of identical pictures that
    carry different labels, by position."""

    identical: NDArray[np.int64]
    similar: NDArray[np.int64] | None
    copies: tuple[Copy, ...]
    compared: int
    conflicts: tuple[tuple[int, ...], ...]

    @property
    def positions(self) -> NDArray[np.int64]:
        """Of all copies."""
        return self.identical if self.similar is None else np.concatenate([self.identical, self.similar])


def find_leaks(dataset: Dataset, report: Report) -> Leaks:
    """Compare the blind test with training and validation, and look for identical pictures in all of them."""
    small, sets = _read(dataset, report)
    identical: dict[int, int] = {}
    for members in sets:
        blind = members[dataset.split[members] == Split.BLIND_TEST]
        others = members[dataset.split[members] != Split.BLIND_TEST]
        if len(others):
            identical |= {int(at): int(others[0]) for at in blind}
    conflicts = tuple(tuple(map(int, members)) for members in sets if len(np.unique(dataset.labels[members])) > 1)
    exact = tuple(_copy(dataset, at, twin, 1.0, mirrored=False) for at, twin in identical.items())
    found = np.array(list(identical), np.int64)
    if min(dataset.images.shape[1:3]) < SMALLEST:
        return Leaks(identical=found, similar=None, copies=exact, compared=0, conflicts=conflicts)
    blind = np.flatnonzero(dataset.split == Split.BLIND_TEST)
    others = np.flatnonzero(dataset.split != Split.BLIND_TEST)
    looked = blind[:: max(1, -(-len(blind) * len(others) // _PRODUCTS))]
    looked = looked[~np.isin(looked, found)]
    report("looking for copies of blind-test pictures", 0, 1)
    near = _similar(dataset, small, looked, others)
    report("looking for copies of blind-test pictures", 1, 1)
    return Leaks(
        identical=found,
        similar=np.array(list(near), np.int64),
        copies=(*exact, *near.values()),
        compared=len(looked),
        conflicts=conflicts,
    )


def _read(dataset: Dataset, report: Report) -> tuple[Reduced, list[NDArray[np.int64]]]:
    """All pictures at the size that they are compared at, and the sets of identical ones; each is read once."""
    parts: list[Reduced] = []
    digests: list[bytes] = []
    for start in range(0, len(dataset.labels), _CHUNK):
        pictures = np.ascontiguousarray(dataset.images[start : start + _CHUNK])
        parts.append(reduced(pictures))
        digests.extend(digest(picture) for picture in pictures)
        report("reading all pictures", len(digests), len(dataset.labels))
    return np.concatenate(parts), sets_of(groups_of(digests))


def _similar(dataset: Dataset, small: Reduced, looked: NDArray[np.int64], others: NDArray[np.int64]) -> dict[int, Copy]:
    """The copies among the pictures at `looked`, by position, as they are or mirrored."""
    found: dict[int, Copy] = {}
    candidates = small[others]
    for mirrored in (False, True):
        pictures = small[looked][:, :, ::-1] if mirrored else small[looked]
        likeness = most_alike(np.ascontiguousarray(pictures), candidates)
        for row in np.flatnonzero(likeness.alike):
            at, twin = int(looked[row]), int(others[likeness.twin[row]])
            found.setdefault(at, _copy(dataset, at, twin, float(likeness.brightness[row]), mirrored=mirrored))
    return found


def _copy(dataset: Dataset, at: int, twin: int, likeness: float, *, mirrored: bool) -> Copy:
    return Copy(
        picture=dataset.names[at],
        original=dataset.names[twin],
        split=Split(dataset.split[twin]).name.lower(),
        likeness=likeness,
        mirrored=mirrored,
    )
