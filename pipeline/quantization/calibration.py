"""The calibration set: raw pictures, and the numbers that the network computes with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import BadData
from edge.target import Precision

Samples = Callable[[], Iterator[list[NDArray[np.float32]]]]


@dataclass(frozen=True, kw_only=True)
class Input:
    """The number that the network computes with is `scale * (byte - zero_point)`."""

    shape: tuple[int, ...]  # 1, height, width, channels
    scale: float
    zero_point: int

    def real(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.float32(self.scale) * (codes.astype(np.float32) - np.float32(self.zero_point))


def samples(source: Input, calibration: NDArray[np.uint8] | None, precision: Precision) -> Samples:
    """What TensorFlow's converter takes as a representative data set, of pictures uint8 [n, h, w, c].

    Raises BadData where the pictures are missing or of another shape; `precision` stands in the message.
    """
    if calibration is None or len(calibration) == 0:
        raise BadData(f"calibration: no pictures; {precision} needs some hundred of them from the training split")
    if calibration.dtype != np.uint8 or calibration.shape[1:] != source.shape[1:]:
        raise BadData(
            f"calibration: {calibration.dtype} {calibration.shape}; expected uint8 pictures of {source.shape[1:]} "
            "(raw bytes)"
        )
    pictures = spanning(calibration)
    return lambda: ([source.real(picture[np.newaxis])] for picture in pictures)


def spanning(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The calibration set with its codes reaching from 0 to 255, as the input's exact range needs.

    The converter takes the input's scale from the smallest and the largest value that it sees. Where a set does not
    reach an end of the range, one more picture is added: the first, with that one byte at its corner. A single byte
    moves no other range by more than a picture of the set could.
    """
    added = []
    for end in (0, 255):
        if not (pictures == end).any():
            corner = pictures[:1].copy()
            corner.flat[0] = end
            added.append(corner)
    return np.concatenate([pictures, *added])
