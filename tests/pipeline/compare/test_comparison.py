"""Two models' answers, compared: counts by loops, statistics by scipy."""

import numpy as np
import pytest
from scipy.stats import binomtest

from pipeline.compare.comparison import Answers, match_paired, match_unpaired, side_of
from pipeline.statistics import newcombe_interval

CLASSES = ("cat", "dog", "hen")
NAMES = tuple(f"{at}.png" for at in range(400))


@pytest.fixture
def truth() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3, 400).astype(np.int32)


def answers(truth: np.ndarray, wrong: range) -> Answers:
    labels = truth.astype(np.intp).copy()
    labels[wrong.start : wrong.stop] = (labels[wrong.start : wrong.stop] + 1) % 3
    return Answers(labels=labels, truth=truth, names=NAMES, classes=CLASSES)


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (range(0, 10), range(0, 40), "A is better"),
        (range(0, 40), range(30, 40), "B is better"),
        (range(0, 5), range(5, 11), "none shown"),
        (range(0, 5), range(0, 5), "none shown"),
    ],
)
def test_paired_models_are_counted_picture_by_picture(
    truth: np.ndarray, first: range, second: range, verdict: str
) -> None:
    before, after = answers(truth, first), answers(truth, second)
    sides = [side_of(name, "int8", each, None, None) for name, each in (("a", before), ("b", after))]
    match = match_paired("both", *sides, before, after)
    assert match.pairing is not None
    only_first, only_second = len(set(second) - set(first)), len(set(first) - set(second))
    assert (match.pairing.only_first, match.pairing.only_second) == (only_first, only_second)
    expected = binomtest(only_first, only_first + only_second).pvalue if only_first + only_second else 1
    assert match.pairing.p == pytest.approx(expected)
    assert match.gain == pytest.approx(match.second.top1 - match.first.top1)
    assert match.gain_interval[0] <= match.gain <= match.gain_interval[1]
    assert match.verdict == verdict
    differing = sorted(set(first) ^ set(second))
    assert [each.picture for each in match.pairing.flips] == [NAMES[at] for at in differing]
    assert match.pairing.agreement == pytest.approx(1 - len(differing) / 400)
    for each, at in zip(match.pairing.flips, differing, strict=True):
        assert each.truth == CLASSES[truth[at]]
        assert (each.first == each.truth) == (at not in first)
        assert (each.second == each.truth) == (at not in second)


def test_exact_test_gives_the_verdict_where_the_interval_is_bolder() -> None:
    truth = np.zeros(10_000, np.int32)
    names = tuple(map(str, range(10_000)))
    before, after = (
        Answers(labels=(truth + (np.arange(10_000) < wrong)).astype(np.intp), truth=truth, names=names, classes=CLASSES)
        for wrong in (5, 0)
    )
    sides = [side_of(name, "int8", each, None, None) for name, each in (("a", before), ("b", after))]
    match = match_paired("both", *sides, before, after)
    assert match.gain_interval[0] > 0
    assert match.pairing is not None
    assert (match.pairing.p, match.verdict) == (2 / 2**5, "none shown")


def test_unpaired_models_have_newcombes_interval(truth: np.ndarray) -> None:
    first, second = (side_of("a", "int8", answers(truth, range(0, count)), None, None) for count in (20, 80))
    match = match_unpaired("both", first, second)
    assert match.pairing is None
    assert match.gain_interval == pytest.approx(newcombe_interval((320, 400), (380, 400)))
    assert (match.gain, match.verdict) == (pytest.approx(-0.15), "A is better")
    assert match_unpaired("both", first, first).verdict == "none shown"
