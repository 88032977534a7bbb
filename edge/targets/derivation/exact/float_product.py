"""The rescaling of LiteRT's reference FULLY_CONNECTED: one product in float64, rounded, halves away from zero.

Unlike its other kernels and unlike TFLite Micro's, which are fixed-point here too; see LiteRT's
kernels/internal/reference/integer_ops/fully_connected.h.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edge.targets.derivation.exact.fixed_point import INT32_LIMIT, Integers, Reals


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatProduct:
    """One factor for each channel, or one for all: float64 [channels]."""

    real: Reals

    @property
    def above(self) -> Reals:
        return np.zeros_like(self.real)

    @property
    def below(self) -> Reals:
        return np.full_like(self.real, 2.0**-40)  # moves a negative half down, and nothing else

    def fits(self, bound: Integers) -> bool:
        return bool((bound < INT32_LIMIT).all())

    def exact(self, sums: Integers) -> Integers:
        """C's `round(sum * real)`, int64 [channels, n] as `sums`."""
        product = sums.astype(np.float64) * self.real[:, np.newaxis]
        size = np.floor(np.abs(product))
        size += np.abs(product) - size >= 0.5
        return np.copysign(size, product).astype(np.int64)


def float_product(reals: Iterable[float]) -> FloatProduct:
    return FloatProduct(real=np.array(list(reals), np.float64))
