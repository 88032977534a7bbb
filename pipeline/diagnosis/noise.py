"""How far a layer's answer is from what it should be, summed up picture by picture so that little is kept in memory."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.diagnosis.layers import Codes
from pipeline.diagnosis.traces import Array

LARGEST_DB = 120.0  # said where nothing differs; float32 itself ends near 150


@dataclass(frozen=True, kw_only=True)
class Noise:
    """`sqnr`: signal-to-quantization-noise ratio, 10 log10(sum exact^2 / sum (found - exact)^2), in dB, at most
    LARGEST_DB in either direction. `cosine` of the two, and `gain`, the factor g for which g * exact fits best; both
    None where one of them is zero throughout."""

    sqnr: float
    cosine: float | None
    gain: float | None


class NoiseMeter:
    """Compares real numbers found with the exact ones."""

    def __init__(self) -> None:
        self._exact = self._found = self._both = self._error = 0.0

    def add(self, exact: NDArray[np.float32], found: NDArray[np.float32]) -> None:
        """Take account of one more answer; both of one shape."""
        exact, found = exact.ravel(), found.ravel()
        self._exact += float(exact @ exact)
        self._found += float(found @ found)
        self._both += float(exact @ found)
        error = found - exact
        self._error += float(error @ error)

    def noise(self) -> Noise:
        """Over all that was added."""
        power = math.sqrt(self._exact * self._found)
        return Noise(
            sqnr=_decibels(self._exact, self._error),
            cosine=self._both / power if power else None,
            gain=self._both / self._exact if power else None,
        )


@dataclass(frozen=True, kw_only=True)
class Range:
    """How a quantized layer uses its codes.

    `beyond`: the share of exact values that lie outside the codes' reach by more than half a step, so are cut off.
    `overreach`: how far the exact values go, in multiples of that reach; 1 or less where all fit. `bits`: log2 of the
    span of codes that occur. `dead_channels`: those that never leave one code while the exact ones vary by a step or
    more, of `channels`. `spread`: the range of the widest channel over that of the median one, None where that does not
    vary.
    """

    beyond: float
    overreach: float
    bits: float
    dead_channels: int
    channels: int
    spread: float | None


class RangeMeter:
    """Watches the codes of one layer, beside the exact values for them; the last axis is the channels'."""

    def __init__(self, codes: Codes, channels: int) -> None:
        self._codes = codes
        self._beyond = self._count = 0
        self._low, self._high = np.full(channels, np.inf), np.full(channels, -np.inf)
        self._exact_low, self._exact_high = self._low.copy(), self._high.copy()

    def add(self, exact: NDArray[np.float32], codes: Array) -> None:
        """Take account of one more answer: `codes` and what they should stand for, both [..., channels]."""
        low, high = self._codes.reach
        half = self._codes.scale / 2
        self._beyond += int(np.count_nonzero((exact < low - half) | (exact > high + half)))
        self._count += exact.size
        exact, codes = exact.reshape(-1, exact.shape[-1]), codes.reshape(-1, codes.shape[-1])
        self._low, self._high = np.minimum(self._low, codes.min(0)), np.maximum(self._high, codes.max(0))
        self._exact_low = np.minimum(self._exact_low, exact.min(0))
        self._exact_high = np.maximum(self._exact_high, exact.max(0))

    def range(self) -> Range:
        """Over all that was added, which is one answer at least."""
        low, high = self._codes.reach
        widths = self._exact_high - self._exact_low
        stuck = (self._low == self._high) & (widths >= self._codes.scale)
        middle = float(np.median(widths))
        return Range(
            beyond=self._beyond / self._count,
            overreach=max(_multiple(self._exact_low.min(), low), _multiple(self._exact_high.max(), high)),
            bits=math.log2(float(self._high.max() - self._low.min()) + 1),
            dead_channels=int(np.count_nonzero(stuck)),
            channels=len(widths),
            spread=float(widths.max()) / middle if middle else None,
        )


def in_order_of(answer: Array, shape: tuple[int, ...], *, channels_first: bool) -> Array:
    """`answer` with the axes of `shape`, [1, h, w, c] where that has four."""
    if channels_first and answer.ndim == 4:
        moved = answer.transpose(0, 2, 3, 1)
        if len(shape) != 4 or moved.shape == shape:
            answer = moved
    return answer.reshape(shape)


def _multiple(found: float, bound: float) -> float:
    """`found` in multiples of `bound` where it lies on its side of zero; 0 where there is nothing to reach."""
    return float(found) / bound if found * bound > 0 else 0.0


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return LARGEST_DB
    if signal == 0:
        return -LARGEST_DB
    return min(LARGEST_DB, max(-LARGEST_DB, 10 * math.log10(signal / noise)))
