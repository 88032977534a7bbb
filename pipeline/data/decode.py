"""Decode many pictures into one array, a few at a time."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import BadData
from pipeline.data.duplicates import digest
from pipeline.data.source import Report, Source

# Reading and decoding release Python's lock; the rest does not, so that more threads gain nothing.
_THREADS = 4
_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """`digests`: one for each picture, empty where it could not be read; `unreadable`: position to reason."""

    digests: list[bytes]
    unreadable: dict[int, str]


def decode_into(images: NDArray[np.uint8], source: Source, report: Report) -> Decoded:
    """Fill `images`, uint8 [n, height, width, channels], with the pictures of `source`.

    A picture that cannot be read leaves its place as it was.
    """
    digests: list[bytes] = []
    unreadable: dict[int, str] = {}

    def decode(batch: Iterable[int]) -> list[bytes | str]:
        outcomes: list[bytes | str] = []
        for position in batch:
            try:
                images[position] = source.read(position)
            except BadData as error:
                outcomes.append(str(error))
            else:
                outcomes.append(digest(images[position]))
        return outcomes

    batches = [range(start, min(start + _BATCH, len(source))) for start in range(0, len(source), _BATCH)]
    with ThreadPoolExecutor(_THREADS) as pool:
        for outcomes in pool.map(decode, batches):
            for outcome in outcomes:
                if isinstance(outcome, str):
                    unreadable[len(digests)] = outcome
                digests.append(outcome if isinstance(outcome, bytes) else b"")
            report("decode", len(digests), len(source))
    return Decoded(digests=digests, unreadable=unreadable)
