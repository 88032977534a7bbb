"""The decoded data set: uint8 pictures in one array, memory-mapped, with labels and the split."""

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.device.files import read_json


class Split(IntEnum):
    TRAINING = 0
    VALIDATION = 1
    BLIND_TEST = 2


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Pictures of one split: uint8 [n, height, width, channels] (a memory map) picked by `index`, int32 labels [n]."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int32]
    index: NDArray[np.int64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.index)

    def pick(self, positions: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Pictures at `positions` of this split, copied out of the map: uint8 [len(positions), h, w, c]."""
        return np.ascontiguousarray(self.images[self.index[positions]])

    def all(self) -> NDArray[np.uint8]:
        """All pictures of this split, copied out of the map."""
        return np.ascontiguousarray(self.images[self.index])


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """`images` uint8 [n, h, w, c]; `labels` int32 [n], indices into `classes`; `split` uint8 [n], values of Split."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int32]
    split: NDArray[np.uint8]
    names: tuple[str, ...]
    classes: tuple[str, ...]

    def part(self, split: Split) -> Samples:
        """The samples of one split, in the data set's order."""
        index = np.flatnonzero(self.split == split)
        return Samples(
            images=self.images,
            labels=self.labels[index],
            index=index,
            names=tuple(self.names[at] for at in index),
        )


def load_dataset(folder: Path) -> Dataset:
    """Open the output of the data stage; the pictures stay on disk until they are read."""
    listing = read_json(folder / "listing.json")
    return Dataset(
        images=np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False),
        labels=np.load(folder / "labels.npy", allow_pickle=False),
        split=np.load(folder / "split.npy", allow_pickle=False),
        names=tuple(listing["names"]),
        classes=tuple(listing["classes"]),
    )
