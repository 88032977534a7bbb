"""The budget of accuracy: whether a loss that was measured on some pictures is within it, and what they can tell."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation import ROUNDING, Logits
from pipeline.recipe import BudgetTest
from pipeline.statistics import Pairs, lower_bound, pair, upper_bound


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A loss of top-1 against the float model, held against what is allowed; all are shares.

    `pairs`: what both models got right of the same pictures. `lowest`, `highest`: one-sided 95 % bounds of the loss.
    `test` says which figure is held against `allowed`: "point" the loss as measured, "bound" its highest.
    """

    pairs: Pairs
    lowest: float
    highest: float
    allowed: float
    test: BudgetTest

    @property
    def drop(self) -> float:
        """The loss as measured; below 0 where accuracy was gained."""
        return self.pairs.drop

    @property
    def fits(self) -> bool:
        """Whether the loss as measured is within the budget."""
        return self.drop <= self.allowed + ROUNDING

    @property
    def holds(self) -> bool:
        """Whether the loss is within the budget by its test."""
        return self.fits if self.test == "point" else self.highest <= self.allowed + ROUNDING

    @property
    def doubtful(self) -> bool:
        """Whether the true loss may well lie on the other side of the budget than the measured one."""
        return self.highest > self.allowed + ROUNDING if self.fits else self.lowest <= self.allowed + ROUNDING

    def words(self, place: str) -> str:
        """The verdict in words; `place` is what the pictures are, e.g. "the blind test"."""
        few = f"with {self.pairs.count:,} pictures"
        change = f"loses {_points(self.drop)}" if self.drop >= 0 else f"gains {_points(-self.drop)}"
        if self.holds:
            if self.drop >= 0:
                words = f"{change} of {_points(self.allowed)} points on {place}"
            else:
                words = f"{change} points on {place}, {_points(self.allowed)} lost are allowed"
            doubt = f"the loss may be as large as {_points(self.highest)} points"
        elif self.fits:
            return (
                f"{change} points on {place} and {few} may lose as many as {_points(self.highest)}, "
                f"{_points(self.allowed)} are allowed: too few samples to tell"
            )
        else:
            words = f"{change} points on {place}, {_points(self.allowed)} are allowed"
            doubt = f"the loss may be as small as {_points(max(0.0, self.lowest))}"
        return f"{words}; {few} {doubt}: too few samples to tell" if self.doubtful else words


def judge(
    logits: Logits, float_logits: Logits, labels: NDArray[np.int32], allowed: float, test: BudgetTest
) -> Judgement:
    """Hold the loss of a model, float32 logits [n, classes], against the float model's on the same n pictures."""
    right, right_before = logits.argmax(1) == labels, float_logits.argmax(1) == labels
    return judge_pairs(pair(right_before, right), allowed, test)


def judge_pairs(pairs: Pairs, allowed: float, test: BudgetTest) -> Judgement:
    """As `judge`, of what was counted already."""
    return Judgement(pairs=pairs, lowest=lower_bound(pairs), highest=upper_bound(pairs), allowed=allowed, test=test)


def _points(share: float) -> str:
    return f"{100 * share:.2f}"
