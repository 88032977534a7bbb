"""Each statistic against scipy, against figures that others published, or against counting."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap, multinomial

from pipeline.statistics import (
    Pairs,
    bootstrap_interval,
    lower_bound,
    mcnemar_exact,
    newcombe_interval,
    pair,
    samples_to_tell,
    score_interval,
    upper_bound,
    wilson_interval,
)

# The first call imports scipy.
in_any_time = settings(deadline=None)

# Fagerland, Lydersen and Laake, "Statistical Analysis of Contingency Tables", 2017, chapter 8; the figures that
# their R package contingencytables prints.
AIRWAYS = Pairs(count=21, lost=1, gained=7)
RESPONSE = Pairs(count=161, lost=6, gained=16)


@st.composite
def any_pairs(draw: st.DrawFn) -> Pairs:
    count = draw(st.integers(1, 3000))
    lost = draw(st.integers(0, count))
    return Pairs(count=count, lost=lost, gained=draw(st.integers(0, count - lost)))


@in_any_time
@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_equals_scipys(counts: tuple[int, int]) -> None:
    successes, trials = counts
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    assert wilson_interval(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_pair_counts_as_a_loop_does() -> None:
    first, second = np.random.default_rng(0).integers(0, 2, (2, 500)).astype(bool)
    lost = sum(a and not b for a, b in zip(first, second, strict=True))
    gained = sum(b and not a for a, b in zip(first, second, strict=True))
    assert pair(first, second) == Pairs(count=500, lost=lost, gained=gained)
    assert pair(first, second).drop == pytest.approx(first.mean() - second.mean())


@pytest.mark.parametrize(("pairs", "expected"), [(RESPONSE, 0.052479), (AIRWAYS, 18 / 256)])
def test_mcnemar_exact_equals_published_figures(pairs: Pairs, expected: float) -> None:
    assert mcnemar_exact(pairs) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("lost", range(9))
def test_mcnemar_exact_equals_the_share_of_coin_tosses_as_uneven(lost: int) -> None:
    tosses = [sum(each) for each in product((0, 1), repeat=8)]
    as_uneven = sum(abs(heads - 4) >= abs(lost - 4) for heads in tosses) / len(tosses)
    assert mcnemar_exact(Pairs(count=100, lost=lost, gained=8 - lost)) == pytest.approx(as_uneven)


def test_mcnemar_exact_without_discordant_pairs_shows_nothing() -> None:
    assert mcnemar_exact(Pairs(count=100, lost=0, gained=0)) == 1.0


@pytest.mark.parametrize(
    ("pairs", "expected", "digits"),
    [
        (RESPONSE, (-0.1240, -0.0054), 4),
        (AIRWAYS, (-0.517, -0.026), 3),  # also Fagerland et al., Statistics in Medicine 33, 2014
    ],
)
def test_score_interval_equals_published_figures(pairs: Pairs, expected: tuple[float, float], digits: int) -> None:
    assert score_interval(pairs) == pytest.approx(expected, abs=0.51 * 10**-digits)


@in_any_time
@given(any_pairs())
def test_score_interval_mirrors_when_the_models_change_places(pairs: Pairs) -> None:
    low, high = score_interval(pairs)
    other = Pairs(count=pairs.count, lost=pairs.gained, gained=pairs.lost)
    assert score_interval(other) == pytest.approx((-high, -low), abs=1e-6)
    assert -1 <= low <= pairs.drop <= high <= 1


@in_any_time
@given(st.integers(1, 5000))
def test_score_interval_without_discordant_pairs_is_wilsons_of_no_success(count: int) -> None:
    low, high = score_interval(Pairs(count=count, lost=0, gained=0))
    expected = wilson_interval(0, count)[1]
    assert (-low, high) == pytest.approx((expected, expected), abs=1e-6)


@pytest.mark.parametrize(("count", "lost", "gained"), [(200, 0.02, 0.01), (1000, 0.03, 0.03), (60, 0.1, 0.02)])
def test_upper_bound_covers_the_true_drop_as_often_as_it_says(count: int, lost: float, gained: float) -> None:
    # Every outcome with its probability, but those of less than one in ten million: no draws, so no luck.
    outcomes = np.array([(a, b, count - a - b) for a in range(count + 1) for b in range(count + 1 - a)])
    chances = multinomial(count, (lost, gained, 1 - lost - gained)).pmf(outcomes)
    likely = chances > 1e-7
    covered = [
        chance
        for (a, b, _), chance in zip(outcomes[likely].tolist(), chances[likely], strict=True)
        if upper_bound(Pairs(count=count, lost=a, gained=b)) >= lost - gained
    ]
    assert sum(covered) == pytest.approx(0.95, abs=0.01)


@in_any_time
@given(any_pairs())
def test_bounds_of_one_side_lie_within_the_interval_of_two(pairs: Pairs) -> None:
    low, high = score_interval(pairs)
    assert low - 1e-9 <= lower_bound(pairs) <= pairs.drop <= upper_bound(pairs) <= high + 1e-9


@pytest.mark.parametrize(
    "pairs", [Pairs(count=10_000, lost=260, gained=230), Pairs(count=179, lost=3, gained=1), AIRWAYS]
)
def test_bootstrap_interval_equals_scipys(pairs: Pairs) -> None:
    differences = np.repeat([1.0, -1.0, 0.0], [pairs.lost, pairs.gained, pairs.count - pairs.lost - pairs.gained])
    drawn = bootstrap((differences,), np.mean, n_resamples=9999, batch=500, method="percentile", rng=5)
    expected = (drawn.confidence_interval.low, drawn.confidence_interval.high)
    step = max(1 / pairs.count, 0.1 * drawn.standard_error)
    assert bootstrap_interval(pairs) == pytest.approx(expected, abs=step)


def test_bootstrap_interval_is_the_same_for_the_same_seed() -> None:
    assert bootstrap_interval(RESPONSE, seed=3) == bootstrap_interval(RESPONSE, seed=3)
    assert bootstrap_interval(Pairs(count=50, lost=0, gained=0)) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [  # Newcombe, Statistics in Medicine 17, 1998, p. 873, table II, method 10
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((6, 7), (2, 7), (0.0582, 0.8062)),
        ((5, 56), (0, 29), (-0.0381, 0.1926)),
        ((0, 10), (0, 20), (-0.1611, 0.2775)),
        ((0, 10), (0, 10), (-0.2775, 0.2775)),
        ((10, 10), (0, 20), (0.6791, 1.0000)),
        ((10, 10), (0, 10), (0.6075, 1.0000)),
    ],
)
def test_newcombe_interval_equals_his_own_figures(
    first: tuple[int, int], second: tuple[int, int], expected: tuple[float, float]
) -> None:
    assert newcombe_interval(first, second) == pytest.approx(expected, abs=0.51e-4)


@pytest.mark.parametrize(("lost", "gained"), [(0.02, 0.02), (0.015, 0.01)])
def test_samples_to_tell_bring_the_bound_within_in_four_cases_of_five(lost: float, gained: float) -> None:
    few = Pairs(count=200, lost=round(200 * lost), gained=round(200 * gained))
    count = samples_to_tell(few, 0.01)
    assert count is not None
    drawn = np.random.default_rng(2).multinomial(count, (lost, gained, 1 - lost - gained), size=400)
    told = [upper_bound(Pairs(count=count, lost=int(a), gained=int(b))) <= 0.01 for a, b, _ in drawn]
    assert np.mean(told) == pytest.approx(0.8, abs=0.06)


@in_any_time
@given(any_pairs(), st.floats(0, 0.2) | st.just(1.0))
def test_samples_to_tell_are_none_exactly_where_the_drop_is_not_within(pairs: Pairs, allowed: float) -> None:
    assume(pairs.drop == allowed or abs(pairs.drop - allowed) > 1e-9)
    assert (samples_to_tell(pairs, allowed) is None) == (pairs.drop >= allowed)


@pytest.mark.parametrize(
    ("pairs", "allowed", "expected"),
    [
        (Pairs(count=179, lost=0, gained=0), 0.0, None),
        (Pairs(count=179, lost=4, gained=4), 0.0, None),
        (Pairs(count=179, lost=179, gained=0), 1.0, None),
        (Pairs(count=179, lost=4, gained=0), 1.0, 1),
    ],
)
def test_samples_to_tell_at_the_ends_of_what_may_be_allowed(pairs: Pairs, allowed: float, expected: int | None) -> None:
    assert samples_to_tell(pairs, allowed) == expected
