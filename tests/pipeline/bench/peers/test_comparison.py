"""Comparisons of right and wrong answers, against counting one by one and drawing anew."""

import numpy as np
import pytest

from pipeline.bench.peers.comparison import Right, compare, compare_over_seeds


def answers(seed: int, share: float, count: int = 2000) -> Right:
    return np.random.default_rng(seed).random(count) < share


def test_difference_and_discordant_pictures_are_those_of_a_naive_count() -> None:
    ours, peer = answers(0, 0.8), answers(1, 0.85)
    found = compare(ours, peer)
    assert found["lost"] == sum(theirs and not own for own, theirs in zip(ours, peer, strict=True))
    assert found["gained"] == sum(own and not theirs for own, theirs in zip(ours, peer, strict=True))
    assert found["difference"] == pytest.approx(peer.mean() - ours.mean(), abs=1e-6)
    low, high = found["interval"]
    assert low < found["difference"] < high
    assert found["p"] < 0.05


def test_alike_answers_differ_by_nothing() -> None:
    right = answers(0, 0.8)
    assert compare(right, right)["p"] == 1
    assert compare_over_seeds([right], [right]) == {"difference": 0, "interval": [0, 0]}


def test_the_interval_over_seeds_is_that_of_pictures_drawn_anew() -> None:
    ours, peers = [answers(0, 0.8)], [answers(seed, 0.82) for seed in (1, 2, 3, 4)]
    found = compare_over_seeds(ours, peers)
    generator = np.random.default_rng(5)
    means = []
    for _ in range(4000):
        drawn = generator.integers(0, 2000, 2000)
        means.append(np.mean([peer[drawn].mean() for peer in peers]) - ours[0][drawn].mean())
    assert found["difference"] == pytest.approx(np.mean([peer.mean() for peer in peers]) - ours[0].mean(), abs=1e-6)
    assert found["interval"] == pytest.approx(np.quantile(means, (0.025, 0.975)), abs=2e-3)


def test_where_ours_loses_less_the_difference_is_negative() -> None:
    assert compare(answers(0, 0.9), answers(1, 0.8))["interval"][1] < 0
