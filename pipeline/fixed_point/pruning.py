"""Which weights stay: the largest of each layer.

Pruned in rounds with training between them: Han et al., "Learning both Weights and Connections for Efficient Neural
Networks" (2015), https://arxiv.org/abs/1506.02626.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.fixed_point.steps import PRODUCTS, Step

ROUNDS = 3


def levels(sparsity: float) -> tuple[float, ...]:
    """The share of weights that is 0 after each of ROUNDS: the same share of those left goes each time."""
    if sparsity == 0:
        return ()
    return tuple(1 - (1 - sparsity) ** (done / ROUNDS) for done in range(1, ROUNDS + 1))


def masks_of(steps: Sequence[Step], sparsity: float) -> list[NDArray[np.float32] | None]:
    """For each step with weights 1 where they stay, 0 for the share `sparsity` of the smallest; None for all others."""
    return [_mask(step.kernel, sparsity) if step.kind in PRODUCTS and sparsity else None for step in steps]


def _mask(kernel: NDArray[np.float32], sparsity: float) -> NDArray[np.float32]:
    size = np.abs(kernel)
    kept = max(1, round(size.size * (1 - sparsity)))
    threshold = np.partition(size.ravel(), -kept)[-kept]
    return np.where(size >= threshold, np.float32(1), np.float32(0))
