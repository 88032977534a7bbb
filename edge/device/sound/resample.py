"""Sound at another rate: a windowed sinc for each phase.

As in Crochiere and Rabiner, Multirate Digital Signal Processing (1983), with the window of Kaiser, Nonrecursive digital
filter design using the I0-sinh window function (1974), and his estimate of the transition's width.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from edge.device.sound.wav import Samples

# Zero crossings of the sinc on each side, and the attenuation that is asked of the window; the transition follows.
_CROSSINGS = 32
_ATTENUATION = 84.0  # dB
_BETA = 0.1102 * (_ATTENUATION - 8.7)
# Kaiser's window over 1 - x ** 2, of which it is a smooth function: a table, as its Bessel function is slow.
_GRID = np.linspace(0, 1, 4097)
_WINDOW = np.i0(_BETA * np.sqrt(_GRID))
# Of the lower rate's half: the middle of the transition, which ends there.
_CUTOFF = 1 - (_ATTENUATION - 7.95) / 14.36 / (2 * _CROSSINGS)


def resample(samples: Samples, rate: int, wanted: int) -> Samples:
    """float32 [n] at `rate` Hz as float32 [ceil(n * wanted / rate)] at `wanted` Hz; sound beyond both ends is silence.

    Of linear phase and without delay. With f as half of the lower rate: flat within 0.001 dB up to 0.83 f, and what
    lies above f (aliases on the way down, images on the way up) is attenuated by 80 dB and more. Memory grows with
    `samples`, however little the rates have in common; time grows by up to 50 microseconds for each of their phases.
    """
    if rate == wanted:
        return samples
    divisor = math.gcd(rate, wanted)
    up, down = wanted // divisor, rate // divisor
    half, size = _half(up, down), -(-len(samples) * up // down)
    padded = np.zeros(len(samples) + 2 * half)  # float64, for the sums
    padded[half : half + len(samples)] = samples
    windows = sliding_window_view(padded, 2 * half + 1)
    result = np.empty(size, np.float32)
    for phase in range(min(up, size)):
        result[phase::up] = np.einsum("ij,j->i", windows[phase * down // up :: down], _filter(up, down, phase))
    return result


def _half(up: int, down: int) -> int:
    """Source samples that the filter reaches to each side."""
    return math.ceil(_CROSSINGS * max(1.0, down / up))


@lru_cache(maxsize=1024)  # 25 MB at most: rates with little in common have more phases, made anew as they are used
def _filter(up: int, down: int, phase: int) -> NDArray[np.float64]:
    """Weights [2 * half + 1] of the source samples around output `phase`, of sum 1."""
    half, scale = _half(up, down), min(1.0, up / down)
    distance = phase * down % up / up - np.arange(-half, half + 1)
    window = np.interp(1 - np.square(distance * scale / _CROSSINGS), _GRID, _WINDOW, left=0)
    weights: NDArray[np.float64] = np.sinc(_CUTOFF * scale * distance) * window
    weights /= weights.sum()
    weights.setflags(write=False)
    return weights
