"""The benchmark's arithmetic, against numpy and against cases reckoned by hand."""

from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.bench.serving.endurance import growth, is_sustained
from pipeline.bench.serving.figures import Turn, median_of, percentile, ratio_of
from pipeline.bench.serving.load import Load

SECONDS = st.lists(st.floats(min_value=0, max_value=1e3), min_size=1, max_size=300)


def turn(cpu: float) -> Turn:
    return Turn(throughput=1.0, cpu=cpu, p50=1.0, p99=1.0)


@given(values=SECONDS, share=st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]))
def test_percentile_is_the_nearest_rank_of_numpy(values: list[float], share: float) -> None:
    assert percentile(values, share) == np.quantile(values, share, method="inverted_cdf")


def test_median_is_taken_over_the_rounds() -> None:
    assert median_of([turn(1.0), turn(9.0), turn(2.0)], "cpu") == 2.0


def test_ratio_is_taken_within_each_round_before_the_median() -> None:
    # The ratio of the medians would be 4 / 4 = 1.
    assert ratio_of([turn(2.0), turn(4.0), turn(16.0)], [turn(4.0), turn(2.0), turn(8.0)], "cpu") == 2.0


def test_ratio_of_rounds_that_do_not_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratio_of([turn(1.0)], [turn(1.0), turn(2.0)], "cpu")


def test_growth_leaves_out_the_quarter_in_which_pools_fill() -> None:
    assert growth(array("d", [10, 60, 80, 80, 80, 81, 81, 82])) == pytest.approx(1.5)


def test_growth_of_too_few_samples_is_none() -> None:
    assert growth(array("d", [1, 2, 3])) == 0


@pytest.mark.parametrize(("accepted", "sustained"), [(1000, True), (999, True), (998, False)])
def test_a_rate_is_sustained_where_one_in_a_thousand_is_refused_and_not_two(accepted: int, sustained: bool) -> None:
    assert is_sustained(Load(latencies=array("d", [0.001] * accepted)), 1000.2) == sustained
