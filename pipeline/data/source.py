"""What a source of labelled pictures tells before any picture is decoded."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

# Progress: the phase by name, how much of it is done, and the total (bytes or pictures; 0 where it is not known).
Report = Callable[[str, int, int], None]


def silent(phase: str, done: int, total: int) -> None:
    """A Report that nobody watches."""


UNGIVEN = -1  # in `Source.given`: the source leaves the split to us


@dataclass(frozen=True, kw_only=True)
class Source:
    """Labelled pictures, still encoded.

    `labels`: int32 [n], indices into `classes`.
    `given`: int8 [n], the Split that the source itself puts a picture in, or UNGIVEN.
    `read`: position to uint8 [height, width, channels] at the model's input size; BadData where it is no picture.
    Called from several threads.
    `notes`: what was left aside, for the summary's warnings.
    """

    names: tuple[str, ...]
    labels: NDArray[np.int32]
    given: NDArray[np.int8]
    classes: tuple[str, ...]
    read: Callable[[int], NDArray[np.uint8]]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def only(self, positions: NDArray[np.int64]) -> "Source":
        """The pictures at `positions`, in that order; all classes stay."""
        return replace(
            self,
            names=tuple(self.names[at] for at in positions),
            labels=self.labels[positions],
            given=self.given[positions],
            read=lambda at: self.read(int(positions[at])),
        )
