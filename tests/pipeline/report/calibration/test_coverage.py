import numpy as np
import pytest

from pipeline.data.balance import balanced_positions
from pipeline.report.calibration.coverage import class_coverage
from pipeline.report.calibration.facts import ClassCoverage
from pipeline.report.calibration.trials import planned


def test_coverage_counts_every_class_also_those_that_are_missing() -> None:
    labels = np.array([0, 2, 2, 0, 2], np.int32)
    assert class_coverage(("a", "b", "c"), labels, np.array([1, 4])) == (
        ClassCoverage(label="a", training=2, calibration=0),
        ClassCoverage(label="b", training=0, calibration=0),
        ClassCoverage(label="c", training=3, calibration=2),
    )


@pytest.mark.parametrize("samples", [1, 25, 200, 999])
def test_four_seeds_of_the_recipe_s_size_come_first_then_smaller_sets(samples: int) -> None:
    sets = planned(samples, training=1000, seed=7)
    assert sets[:3] == [(samples, 8), (samples, 9), (samples, 10)]  # with the recipe's own, four
    assert all(size < samples for size, _ in sets[3:])
    assert len(set(sets)) == len(sets)


@pytest.mark.parametrize("samples", [1000, 5000])
def test_no_other_seed_is_tried_where_all_of_training_is_in_the_set(samples: int) -> None:
    every = {tuple(balanced_positions(np.arange(1000) % 7, samples, seed)) for seed in range(3)}
    assert every == {tuple(range(1000))}  # the seed changes nothing
    assert all(size < 1000 for size, _ in planned(samples, training=1000, seed=7))
