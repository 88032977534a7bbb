"""Identical pictures: equal in every byte once decoded to the model's input size."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import BadData
from pipeline.data.dataset import Split
from pipeline.data.source import UNGIVEN, Source

_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Leaks:
    """Pictures (positions, int64) that also stand in a part kept apart from them, and one such twin of each."""

    positions: NDArray[np.int64]
    twins: NDArray[np.int64]


def digest(pixels: NDArray[np.uint8]) -> bytes:
    """16 bytes that two pictures of one shape share only when they are identical."""
    return hashlib.blake2b(pixels.tobytes(), digest_size=16).digest()


def groups_of(digests: list[bytes]) -> NDArray[np.int64]:
    """A number for each picture, equal for identical ones, counted in order of first appearance: int64 [n]."""
    numbers: dict[bytes, int] = {}
    return np.array([numbers.setdefault(digest, len(numbers)) for digest in digests], np.int64)


def sets_of(groups: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Positions of each set of two or more identical pictures."""
    order = np.argsort(groups, kind="stable")
    sets = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    return [members for members in sets if len(members) > 1]


def find_leaks(groups: NDArray[np.int64], given: NDArray[np.int8]) -> Leaks:
    """Pictures outside a given blind test that are in it too; likewise of training and a given validation."""
    positions: list[int] = []
    twins: list[int] = []
    for members in sets_of(groups):
        parts = given[members]
        kept = max(parts)  # the blind test before validation before the rest
        if kept == UNGIVEN:
            continue
        twin = members[parts == kept][0]
        outside = members[parts != kept]
        positions.extend(outside)
        twins.extend([twin] * len(outside))
    return Leaks(positions=np.array(positions, np.int64), twins=np.array(twins, np.int64))


def refuse_leaks(leaks: Leaks, source: Source) -> None:
    """Raise BadData, naming up to five pairs, where there is a leak."""
    if not len(leaks.positions):
        return
    names = source.names
    pairs = list(zip(leaks.positions, leaks.twins, strict=True))
    shown = "; ".join(f"{names[position]} = {names[twin]}" for position, twin in pairs[:_SHOWN])
    more = f"; and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else ""
    part = "blind test" if (source.given[leaks.twins] == Split.BLIND_TEST).any() else "validation"
    raise BadData(
        f"data: {len(pairs)} training pictures are identical to one of the given {part} part, "
        f"which would then judge what was trained on: {shown}{more}; remove them, or leave them out of training with "
        'data.duplicates = "drop" (`--set data.duplicates=drop`)'
    )
