"""Temperature scaling: one number that logits are divided by, so that a score is the chance to be right.

C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Networks come out between about 0.5 and 5; what lies far beyond says that the samples tell nothing.
BOUNDS = (0.01, 100.0)
_TWO_SIDED_95 = 1.959964  # quantile of the normal distribution


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """The temperature that fits some samples best, and the 95 % interval that they leave it."""

    temperature: float
    interval: tuple[float, float]


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int32]) -> Fitted | None:
    """The temperature within BOUNDS with the least mean negative log-likelihood on logits [n, classes], labels [n].

    None where there is none: with every sample right the likelihood grows for ever as the temperature falls, and with
    answers no better than chance as it rises. The interval is the sandwich estimator's (White 1982), as a network's
    scores are no true model.
    """
    from scipy.optimize import brentq

    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    right = shifted[np.arange(len(labels)), labels]

    def mean_slope(logarithm: float) -> float:
        return float(_slopes(shifted, right, math.exp(-logarithm))[0].mean())

    low, high = (math.log(bound) for bound in BOUNDS)
    # The likelihood is convex in 1 / T (a sum of log-sum-exp): where its slope is 0 it has its one least value.
    if not mean_slope(low) > 0 > mean_slope(high):
        return None
    logarithm = brentq(mean_slope, low, high, xtol=1e-6)
    temperature = math.exp(logarithm)
    slopes, curvatures = _slopes(shifted, right, 1 / temperature)
    error = math.sqrt(np.mean(slopes**2) / len(labels)) / float(curvatures.mean())  # of 1 / T
    factor = math.exp(_TWO_SIDED_95 * error * temperature)
    return Fitted(temperature=temperature, interval=(temperature / factor, temperature * factor))


def _slopes(shifted: Floats, right: Floats, sharpness: float) -> tuple[Floats, Floats]:
    """First and second derivative of each sample's negative log-likelihood by `sharpness`, 1 / T."""
    weights = np.exp(sharpness * shifted)
    weights /= weights.sum(axis=1, keepdims=True)
    mean = (weights * shifted).sum(axis=1)
    return mean - right, (weights * shifted**2).sum(axis=1) - mean**2
