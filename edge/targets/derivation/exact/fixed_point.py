"""The reference kernels' fixed-point multiplication, in exact integers.

A real factor is `multiplier * 2**(shift - 31)` with a Q31 multiplier. A 32-bit sum times it is rounded twice: to an
integer after the multiplication (halves up), and after the division by a power of two (halves away from zero). With m
the factor and e its right shift, the two make one:

    floor(x * m + 1/2 + 2**-(e+1))    where the first rounding gives 0 or more
    floor(x * m + 1/2 - 2**-(e+1))    where it gives less; both offsets are 1/2 for e = 0

Sources: gemmlowp's fixedpoint.h; Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference" (2018), https://arxiv.org/abs/1712.05877; LiteRT's kernels/internal/common.h.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]
INT32_LIMIT = 2**31


@dataclass(frozen=True, kw_only=True, eq=False)
class FixedPoint:
    """One factor for each channel, or one for all: int64 [channels] both; `shifts` above 0 shift left.

    The sums are first shifted left by `lift` bits.
    """

    multipliers: Integers
    shifts: Integers
    lift: int = 0

    @property
    def real(self) -> Reals:
        """The factors as float64; exact, since a multiplier has 31 bits."""
        return np.ldexp(self.multipliers.astype(np.float64), (self.shifts - 31 + self.lift).astype(np.int32))

    @property
    def above(self) -> Reals:
        right = np.maximum(-self.shifts, 0)
        return np.where(right > 0, np.ldexp(0.5, -right.astype(np.int32)), 0.0)

    @property
    def below(self) -> Reals:
        return 2 * self.above

    def fits(self, bound: Integers) -> bool:
        """Whether sums of -bound..bound stay within the kernels' 32 bits when they are shifted left."""
        return bool(((bound << (np.maximum(self.shifts, 0) + self.lift)) < INT32_LIMIT).all())

    def exact(self, sums: Integers) -> Integers:
        """MultiplyByQuantizedMultiplier of sums that fit, int64 [channels, n]."""
        right = np.maximum(-self.shifts, 0)[:, np.newaxis]
        shifted = sums << (np.maximum(self.shifts, 0) + self.lift)[:, np.newaxis]
        high = (shifted * self.multipliers[:, np.newaxis] + (1 << 30)) >> 31  # SaturatingRoundingDoublingHighMul
        half = np.where(right > 0, (1 << right) >> 1, 0)
        negative = ((high < 0) & (right > 0)).astype(np.int64)
        rounded: Integers = (high + half - negative) >> right  # RoundingDivideByPOT
        return rounded


def fixed_point(reals: Iterable[float], *, lift: int = 0) -> FixedPoint:
    """The factors that QuantizeMultiplier makes from `reals`, each 0 or more."""
    parts = [_quantize_multiplier(real) for real in reals]
    return FixedPoint(
        multipliers=np.array([multiplier for multiplier, _ in parts], np.int64),
        shifts=np.array([shift for _, shift in parts], np.int64),
        lift=lift,
    )


def _quantize_multiplier(real: float) -> tuple[int, int]:
    significand, shift = math.frexp(real)
    multiplier = math.floor(significand * INT32_LIMIT + 0.5)
    if multiplier == INT32_LIMIT:
        multiplier, shift = multiplier // 2, shift + 1
    return (0, 0) if shift < -31 else (multiplier, shift)
