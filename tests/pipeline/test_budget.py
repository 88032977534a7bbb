"""The budget: what holds it by either test, and what the words admit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.budget import judge, judge_pairs
from pipeline.recipe import BudgetTest
from pipeline.statistics import Pairs, score_interval


def pairs(count: int, lost: int, gained: int = 0) -> Pairs:
    return Pairs(count=count, lost=lost, gained=gained)


@pytest.mark.parametrize(
    ("measured", "test", "holds"),
    [
        (pairs(10_000, 100), "point", True),  # just the budget: the rounding of a subtraction is forgiven
        (pairs(10_000, 101), "point", False),
        (pairs(179, 1), "point", True),
        (pairs(179, 1), "bound", False),
        (pairs(10_000, 60, 10), "bound", True),
        (pairs(10_000, 100), "bound", False),
        (pairs(100, 0), "bound", False),  # no loss seen, but a hundred pictures do not rule out one of a point
        (pairs(300, 0), "bound", True),
    ],
)
def test_budget_of_a_point_is_held_by_the_loss_or_by_its_bound(measured: Pairs, test: BudgetTest, holds: bool) -> None:
    assert judge_pairs(measured, 0.01, test).holds == holds


@pytest.mark.parametrize(
    ("measured", "test", "words"),
    [
        (pairs(10_000, 30, 20), "point", "loses 0.10 of 1.00 points on validation"),
        (pairs(10_000, 20, 30), "bound", "gains 0.10 points on validation, 1.00 lost are allowed"),
        (
            pairs(179, 1),
            "point",
            "loses 0.56 of 1.00 points on validation; with 179 pictures the loss may be as large as 2.46 points: too "
            "few samples to tell",
        ),
        (
            pairs(179, 1),
            "bound",
            "loses 0.56 points on validation and with 179 pictures may lose as many as 2.46, 1.00 are allowed: too few "
            "samples to tell",
        ),
        (
            pairs(179, 3),
            "point",
            "loses 1.68 points on validation, 1.00 are allowed; with 179 pictures the loss may be as small as 0.16: "
            "too few samples to tell",
        ),
        (
            pairs(179, 1, 2),
            "point",
            "gains 0.56 points on validation, 1.00 lost are allowed; with 179 pictures the loss may be as large as "
            "1.47 points: too few samples to tell",
        ),
        (
            pairs(179, 1, 2),
            "bound",
            "gains 0.56 points on validation and with 179 pictures may lose as many as 1.47, 1.00 are allowed: too few "
            "samples to tell",
        ),
        (pairs(10_000, 300), "bound", "loses 3.00 points on validation, 1.00 are allowed"),
    ],
)
def test_words_say_what_the_samples_can_tell(measured: Pairs, test: BudgetTest, words: str) -> None:
    assert judge_pairs(measured, 0.01, test).words("validation") == words


@settings(deadline=None)
@given(st.integers(1, 2000), st.data(), st.floats(0, 0.1))
def test_what_holds_by_its_bound_holds_as_measured_and_without_doubt(
    count: int, data: st.DataObject, allowed: float
) -> None:
    lost = data.draw(st.integers(0, count))
    measured = pairs(count, lost, data.draw(st.integers(0, count - lost)))
    if judge_pairs(measured, allowed, "bound").holds:
        judgement = judge_pairs(measured, allowed, "point")
        assert judgement.holds and not judgement.doubtful
    assert judge_pairs(measured, allowed, "point").highest == pytest.approx(score_interval(measured, 0.9)[1])


def test_judge_counts_the_pictures_that_only_one_model_gets_right() -> None:
    labels = np.array([0, 1, 2, 0, 1], np.int32)
    before, after = np.eye(3, dtype=np.float32)[[0, 1, 2, 1, 0]], np.eye(3, dtype=np.float32)[[0, 2, 1, 0, 0]]
    judgement = judge(after, before, labels, 0.01, "point")
    assert judgement.pairs == pairs(5, 2, 1)
    assert judgement.drop == pytest.approx(0.2)
