"""Rescalings in float64 with few operators, proved equal to the kernels' own before they are used.

For right shifts up to 13 and results of 8 bits, a sum times a fixed-point factor is a multiple of 2**-44 below 2**9 and
so exact in float64's 53 bits. That covers convolutions but not additions, so `plan` proves instead of assuming. The
formula and the kernel's result never fall as the sum rises (each rounding is monotone). Between two sums with the same
exact result, a formula that is right for both is therefore right for all; it is enough to look at both sides of each
step from one code to the next. A formula that fails is not used.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from edge.targets.derivation.exact.fixed_point import INT32_LIMIT, Integers, Reals

Form = Literal["product", "one offset", "offset by sign"]
FORMS: tuple[Form, ...] = ("product", "one offset", "offset by sign")  # cheapest first
REACH = 4  # sums looked at on each side of an estimated step
FEW = 1024  # up to here all sums are looked at


class Rescaling(Protocol):
    """A sum times a real factor, rounded: floor(x * real + 1/2 + above), less `below` for negative sums."""

    @property
    def real(self) -> Reals: ...

    @property
    def above(self) -> Reals: ...

    @property
    def below(self) -> Reals: ...

    def fits(self, bound: Integers) -> bool: ...

    def exact(self, sums: Integers) -> Integers: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """How to compute a rescaling's result, clamped to low..high; arrays are float64 [channels].

    "product"          x * real
    "one offset"       floor(x * real + offset)
    "offset by sign"   floor(x * real + below * clip(x, -1, 0) + offset)

    The offset raises results by -low, so that they start at 0 and truncation does as well as floor.
    """

    form: Form
    real: Reals
    offset: Reals
    below: Reals
    low: int
    high: int

    def apply(self, sums: Integers) -> Reals:
        """What the plan gives for `sums`, int64 [channels, n], rounded at each step as the ONNX nodes round."""
        x = sums.astype(np.float64)
        result = x * self.real[:, np.newaxis]
        if self.form == "product":
            return result
        if self.form == "offset by sign":
            result = result + np.clip(x, -1.0, 0.0) * self.below[:, np.newaxis]
        result = np.trunc(result + self.offset[:, np.newaxis])
        return np.clip(result, 0, self.high - self.low) + self.low


def plan(rescaling: Rescaling, bound: Integers, low: int, high: int) -> Plan | None:
    """The cheapest exact plan for sums of -bound..bound, int64 [channels], and results of low..high.

    None where no formula in float64 is exact, or where the kernels' own integers could overflow 32 bits.
    """
    real = rescaling.real
    # A quarter: the nodes truncate to int32, and need room for the offset.
    if not rescaling.fits(bound) or (bound * real >= INT32_LIMIT / 4).any():
        return None
    points = _points(real, bound, low, high)
    exact = np.clip(rescaling.exact(points), low, high)
    if ((np.diff(exact) != 0) & (np.diff(points) > 1)).any():
        return None  # a step lies between two points, so that they prove nothing
    offset = 0.5 + rescaling.above - low
    for form in FORMS:
        candidate = Plan(form=form, real=real, offset=offset, below=rescaling.below, low=low, high=high)
        if np.array_equal(candidate.apply(points), exact):
            return candidate
    return None


def _points(real: Reals, bound: Integers, low: int, high: int) -> Integers:
    """Sums in rising order with the ends of the range and, unless all are few, those around each step of the codes."""
    limit = bound[:, np.newaxis]
    widest = int(bound.max())
    if widest <= FEW:
        return np.clip(np.arange(-widest, widest + 1)[np.newaxis], -limit, limit)
    codes = np.arange(low, high + 2)[np.newaxis] - 0.5
    smallest = np.maximum(real, np.finfo(np.float64).tiny)[:, np.newaxis]  # a factor of 0 has no steps
    steps = np.clip(codes / smallest, -limit, limit).astype(np.int64)
    near = steps[:, :, np.newaxis] + np.arange(-REACH, REACH + 1)
    around = np.clip(near.reshape(len(steps), -1), -limit, limit)
    return np.sort(np.concatenate([-limit, around, limit], axis=1), axis=1)
