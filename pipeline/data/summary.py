"""What the data stage found, for people and for the report."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.data.checks import IMBALANCE, check_split, imbalance_of
from pipeline.data.dataset import Split
from pipeline.data.duplicates import sets_of
from pipeline.data.source import Source

_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Summary:
    """`classes`: pictures by class and split; `shape`: height, width, channels of each.

    `given`: splits that the source brought. `unreadable`: skipped, name to reason. `dropped`: left out of training, as
    they are in a given part that must not be trained on. `identical`: sets of identical pictures; each set stands in
    one split. `conflicting`: those sets that carry different labels. `imbalance`: largest class to smallest.
    """

    source: str
    pictures: int
    shape: tuple[int, int, int]
    classes: dict[str, dict[str, int]]
    given: tuple[str, ...]
    unreadable: dict[str, str]
    dropped: tuple[str, ...]
    identical: tuple[tuple[str, ...], ...]
    conflicting: tuple[tuple[str, ...], ...]
    imbalance: float
    warnings: tuple[str, ...]


def summarize(
    kind: str,
    shape: tuple[int, int, int],
    source: Source,
    groups: NDArray[np.int64],
    split: NDArray[np.uint8],
    unreadable: dict[str, str],
    dropped: tuple[str, ...],
) -> Summary:
    """Count what became of `source`; `groups` int64 [n] and `split` uint8 [n] belong to its pictures.

    Raises BadData where a split or the training of a class is empty.
    """
    counts = np.zeros((len(source.classes), len(Split)), np.int64)
    np.add.at(counts, (source.labels, split), 1)
    identical = sets_of(groups)
    conflicting = [members for members in identical if len(set(source.labels[members].tolist())) > 1]
    imbalance = imbalance_of(counts.sum(axis=1))
    warnings = [*source.notes, *check_split(counts, source.classes)]
    if imbalance > IMBALANCE:
        warnings.append(
            f'the largest class has {imbalance:g} times the pictures of the smallest; train.class_weights = "balanced" '
            "weighs them alike"
        )
    if conflicting:
        named = [" = ".join(source.names[at] for at in members[:_SHOWN]) for members in conflicting[:_SHOWN]]
        warnings.append(f"identical pictures under different labels, {len(conflicting)} sets: {'; '.join(named)}")
    if unreadable:
        warnings.append(f"{len(unreadable)} unreadable pictures were left out")
    if dropped:
        warnings.append(f"{len(dropped)} training pictures were left out that are also in a given part")
    return Summary(
        source=kind,
        pictures=len(source),
        shape=shape,
        classes={
            name: {place.name.lower(): int(counts[label, place]) for place in Split}
            for label, name in enumerate(source.classes)
        },
        given=tuple(place.name.lower() for place in Split if (source.given == place).any()),
        unreadable=unreadable,
        dropped=dropped,
        identical=tuple(tuple(source.names[at] for at in members) for members in identical),
        conflicting=tuple(tuple(source.names[at] for at in members) for members in conflicting),
        imbalance=imbalance,
        warnings=tuple(warnings),
    )
