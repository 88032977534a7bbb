"""Pictures that are nearly another: saved again, a little brighter, shifted by a pixel, or mirrored."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.data.colour import in_colour

Reduced = NDArray[np.uint8]  # [n, h, w], brightness, less than twice SIDE pixels a side
Vectors = NDArray[np.float32]

SIDE = 32  # pixels a side that pictures are compared at: larger ones are averaged down
SMALLEST = 16  # below, different pictures look alike, as two handwritten digits of 8 x 8 do

# Both must be reached. Measured: of CIFAR-10 and of photographs of flowers, pictures saved again as JPEG of quality 75
# or made 20 levels brighter do in 98 of 100 and more, CIFAR-10's shifted by a pixel both ways in 99. Of CIFAR-10's
# 10,000 test pictures 2 do as they are, both mirrored training ones; of 300 of flowers none; of Fashion-MNIST, whose
# silhouettes are much alike, 4 in 1,000. At 0.95 and 0.7, 73 of CIFAR-10's do, all copies to the eye, as Barz and
# Denzler 2020 ("Do We Train on Test Data?") found by hand; but a fifth of Fashion-MNIST's, which are not.
BRIGHTNESS = 0.99  # correlation of brightness
EDGES = 0.95  # correlation of edges: skies are alike in brightness alone

_THUMB = 8  # pixels a side of the thumbnails that candidates are found with
_CANDIDATES = 2
_ROWS = 256  # pictures whose products with all others are held at a time
_CHUNK = 1024


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """For each of n pictures the most alike of the others: `twin` int64 [n], `brightness` and `edges` float32 [n], the
    correlations, -1..1, at the best of nine shifts."""

    twin: NDArray[np.int64]
    brightness: Vectors
    edges: Vectors

    @property
    def alike(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = (self.brightness >= BRIGHTNESS) & (self.edges >= EDGES)
        return found


def reduced(images: NDArray[np.uint8]) -> Reduced:
    """Brightness of uint8 [n, h, w, c], large ones averaged to SIDE pixels a side or somewhat more."""
    # Luma, as JPEG keeps it better than colour.
    luma = in_colour(images, "GREY")[..., 0]
    return _averaged(luma.astype(np.float32), SIDE).round().astype(np.uint8)


def most_alike(pictures: Reduced, others: Reduced) -> Likeness:
    """The most alike of `others` for each of `pictures`; a twin is looked for among the two whose thumbnails correlate
    most with the picture's."""
    thumbs = _units(_thumbnails(others))
    found = Likeness(
        twin=np.zeros(len(pictures), np.int64),
        brightness=np.full(len(pictures), -1, np.float32),
        edges=np.full(len(pictures), -1, np.float32),
    )
    for start, candidates in _candidates(_units(_thumbnails(pictures)), thumbs):
        rows = slice(start, start + len(candidates))
        for twin in candidates.T:
            brightness, edges = _correlations(pictures[rows], others[twin])
            better = edges > found.edges[rows]
            found.twin[rows][better] = twin[better]
            found.brightness[rows][better] = brightness[better]
            found.edges[rows][better] = edges[better]
    return found


def _candidates(pictures: Vectors, others: Vectors) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """For some pictures at a time: the number of the first, and positions of the others, int64 [rows, candidates]."""
    room, columns = np.empty((_ROWS, len(others)), np.float32), np.ascontiguousarray(others.T)
    for start in range(0, len(pictures), _ROWS):
        some = pictures[start : start + _ROWS]
        products, rows = np.matmul(some, columns, out=room[: len(some)]), np.arange(len(some))
        chosen = []
        # So few that finding the largest, twice, is quicker than sorting.
        for _ in range(min(_CANDIDATES, len(others))):
            best = products.argmax(1)
            products[rows, best] = -np.inf
            chosen.append(best)
        yield start, np.stack(chosen, axis=1)


def _correlations(pictures: Reduced, twins: Reduced) -> tuple[Vectors, Vectors]:
    """Of brightness and of edges, float32 [n], where their sum is largest over shifts by at most a pixel."""
    height, width = pictures.shape[1:]
    middle = pictures[:, 1:-1, 1:-1].astype(np.float32)
    plain, edged = _units(middle), _units(_edges(middle))
    brightness = np.full(len(pictures), -1, np.float32)
    edges = np.full(len(pictures), -1, np.float32)
    for top in range(3):
        for left in range(3):
            moved = twins[:, top : top + height - 2, left : left + width - 2].astype(np.float32)
            both = (plain * _units(moved)).sum(1), (edged * _units(_edges(moved))).sum(1)
            better = both[0] + both[1] > brightness + edges
            brightness[better], edges[better] = both[0][better], both[1][better]
    return brightness, edges


def _thumbnails(pictures: Reduced) -> Vectors:
    parts = [
        _averaged(pictures[start : start + _CHUNK].astype(np.float32), _THUMB)
        for start in range(0, len(pictures), _CHUNK)
    ]
    return np.concatenate(parts)


def _averaged(pictures: Vectors, side: int) -> Vectors:
    """float32 [n, h, w] averaged over whole square blocks, so that `side` to twice as many pixels a side are left.

    What is over is left out on both sides, so that a mirrored picture is averaged to the mirrored average.
    """
    block = max(1, min(pictures.shape[1:]) // side)
    rows, columns = (length // block for length in pictures.shape[1:])
    top, left = (pictures.shape[1] - rows * block) // 2, (pictures.shape[2] - columns * block) // 2
    kept = pictures[:, top : top + rows * block, left : left + columns * block]
    averaged: Vectors = kept.reshape(len(pictures), rows, block, columns, block).mean((2, 4))
    return averaged


def _edges(pictures: Vectors) -> Vectors:
    """The Laplacian, float32 [n, h - 2, w - 2]."""
    middle = 4 * pictures[:, 1:-1, 1:-1]
    edges: Vectors = middle - pictures[:, :-2, 1:-1] - pictures[:, 2:, 1:-1]
    edges -= pictures[:, 1:-1, :-2] + pictures[:, 1:-1, 2:]
    return edges


def _units(pictures: Vectors) -> Vectors:
    """Flat, of mean 0 and length 1, so that their products are correlations; a flat picture becomes zeros."""
    flat = pictures.reshape(len(pictures), -1)
    flat = flat - flat.mean(1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    units: Vectors = flat / np.maximum(length, 1e-6)
    return units
