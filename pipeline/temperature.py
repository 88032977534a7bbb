"""Temperature scaling: one number that logits are divided by, so that a score is the chance to be right.

C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import TEMPERATURES

Floats = NDArray[np.float64]

# Of the mean distance from a sample's largest logit to its average one, so that the logits' unit does not matter.
# Networks come out between about 0.05 and 1; what lies far beyond says that the samples tell nothing.
BOUNDS = (1e-3, 1e3)
_TWO_SIDED_95 = 1.959964  # quantile of the normal distribution

# Why no temperature fits; `why` has the words.
Unfitted = Literal["all right", "chance", "out of bounds"]


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """The temperature that fits some samples best, and the 95 % interval that they leave it."""

    temperature: float
    interval: tuple[float, float]


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int32]) -> Fitted | Unfitted:
    """The temperature with the least mean negative log-likelihood on finite logits [n, classes], labels [n].

    There is none where every sample is right, as the likelihood then grows for ever as the temperature falls, nor where
    the right labels' logits are no larger than the average one, as it then grows as the temperature rises; and none
    that counts beyond BOUNDS, or beyond what a contract may hold. The interval is the sandwich estimator's (White
    1982), as a network's scores are no true model.
    """
    from scipy.optimize import brentq

    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    right = shifted[np.arange(len(labels)), labels]
    average = shifted.mean(axis=1)
    if right.mean() <= average.mean():  # also where all logits are equal
        return "chance"
    if not right.any():
        return "all right"

    def mean_slope(logarithm: float) -> float:
        return float(_slopes(shifted, right, math.exp(-logarithm))[0].mean())

    spread = -float(average.mean())
    low = math.log(max(BOUNDS[0] * spread, TEMPERATURES[0]))
    high = math.log(min(BOUNDS[1] * spread, TEMPERATURES[1]))
    # The likelihood is convex in 1 / T (a sum of log-sum-exp): where its slope is 0 it has its one least value.
    if not mean_slope(low) > 0 > mean_slope(high):
        return "out of bounds"
    logarithm = brentq(mean_slope, low, high, xtol=1e-6)
    temperature = math.exp(logarithm)
    slopes, curvatures = _slopes(shifted, right, 1 / temperature)
    error = math.sqrt(np.mean(slopes**2) / len(labels)) / float(curvatures.mean())  # of 1 / T
    factor = math.exp(_TWO_SIDED_95 * error * temperature)
    return Fitted(temperature=temperature, interval=(temperature / factor, temperature * factor))


def why(unfitted: Unfitted, count: int) -> str:
    """Why `count` samples of validation tell no temperature, in words."""
    return {
        "all right": f"on none of the {count:,} validation pictures does a wrong label score above the right one",
        "chance": f"the answers on the {count:,} validation pictures are about as good as guesses",
        "out of bounds": f"what fits the {count:,} validation pictures is too small or too large a number to count",
    }[unfitted]


def _slopes(shifted: Floats, right: Floats, sharpness: float) -> tuple[Floats, Floats]:
    """First and second derivative of each sample's negative log-likelihood by `sharpness`, 1 / T."""
    weights = np.exp(sharpness * shifted)
    weights /= weights.sum(axis=1, keepdims=True)
    mean = (weights * shifted).sum(axis=1)
    return mean - right, (weights * shifted**2).sum(axis=1) - mean**2
