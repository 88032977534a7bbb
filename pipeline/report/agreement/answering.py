"""What each of those who were asked answered, and who answers alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation import Logits
from pipeline.report.agreement.facts import Kind, Pair

NO_ANSWER = -1  # in `Answering.labels`

_CHUNK = 1024  # pictures whose differences are held at a time: many classes make many logits


@dataclass(frozen=True, kw_only=True)
class Answering:
    """`labels` int64 [n], NO_ANSWER where a picture was not answered; `logits` float32 [n, classes], NaN where it was
    not, or None where only labels were told. `also`: names of what is the same file in the same runtime."""

    name: str
    kind: Kind
    labels: NDArray[np.int64]
    logits: Logits | None = None
    also: tuple[str, ...] = ()

    @property
    def answered(self) -> NDArray[np.bool_]:
        there: NDArray[np.bool_] = self.labels != NO_ANSWER
        return there


def answering(name: str, kind: Kind, logits: Logits, also: tuple[str, ...] = ()) -> Answering:
    """One that tells all its logits."""
    return Answering(name=name, kind=kind, labels=logits.argmax(1).astype(np.int64), logits=logits, also=also)


def group(everyone: Sequence[Answering]) -> list[list[int]]:
    """Positions of those whose logits are equal to the bit on every picture, in order of first appearance."""
    groups: list[list[int]] = []
    for position, each in enumerate(everyone):
        home = next((members for members in groups if _equal(everyone[members[0]], each)), None)
        if home is None:
            groups.append([position])
        else:
            home.append(position)
    return groups


def pairs_of(groups: Sequence[Answering]) -> Iterator[Pair]:
    """Every pair, compared."""
    for first, one in enumerate(groups):
        for second in range(first + 1, len(groups)):
            other = groups[second]
            both = one.answered & other.answered
            yield Pair(
                first=first,
                second=second,
                pictures=int(both.sum()),
                flips=int(np.count_nonzero(one.labels[both] != other.labels[both])),
                difference=_difference(one.logits, other.logits, np.flatnonzero(both)),
            )


def _equal(one: Answering, other: Answering) -> bool:
    return one.logits is not None and other.logits is not None and np.array_equal(one.logits, other.logits)


def _difference(one: Logits | None, other: Logits | None, at: NDArray[np.int64]) -> float | None:
    """The largest difference of a logit on the pictures `at`."""
    if one is None or other is None or not len(at):
        return None
    chunks = (at[start : start + _CHUNK] for start in range(0, len(at), _CHUNK))
    parts = [float(np.abs(one[rows] - other[rows]).max()) for rows in chunks]
    return max(parts) if np.isfinite(parts).all() else None
