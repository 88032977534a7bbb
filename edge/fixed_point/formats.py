"""Fixed-point formats, and the one operation that rounds."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Format:
    """Numbers `code / 2**fraction` whose code has `bits` bits, two's complement where `signed`.

    `fraction` may be negative, or larger than `bits`.
    """

    signed: bool
    bits: int
    fraction: int

    @property
    def integer(self) -> int:
        """Bits before the binary point without the sign, as `ap_fixed` counts them less one where signed."""
        return self.bits - self.signed - self.fraction

    @property
    def lowest(self) -> int:
        """The smallest code."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def highest(self) -> int:
        """The largest code."""
        return (1 << (self.bits - self.signed)) - 1

    def __str__(self) -> str:
        return f"{'s' if self.signed else 'u'}{self.bits}.{self.fraction}"


def narrowest(lowest: int, highest: int, fraction: int) -> Format:
    """The format of fewest bits, at least one, that holds the codes `lowest` to `highest` at `fraction`."""
    signed = lowest < 0
    magnitude = max(highest, ~lowest if signed else 0)
    return Format(signed=signed, bits=max(1, magnitude.bit_length() + signed), fraction=fraction)


def rounded(x: Any, target: Format) -> Any:
    """`x` rounded half up to `target`, saturating; an unsigned target is a ReLU too.

    `x` is a float64 array or one of da4ml's symbolic arrays; the result is of the same kind. The same as hls4ml's
    AP_RND and AP_SAT.
    """
    if isinstance(x, np.ndarray):
        codes = np.floor(x * 2.0**target.fraction + 0.5)
        return np.clip(codes, target.lowest, target.highest) * 2.0**-target.fraction
    return x.quantize(int(target.signed), target.integer, target.fraction, "SAT", "RND")
