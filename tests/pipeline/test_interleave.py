"""Turns that are written down as they come."""

import pytest

from pipeline.interleave import interleave, ratio, take_turns


def test_turns_rotate_and_the_first_round_does_not_count() -> None:
    order: list[str] = []

    def player(name: str) -> float:
        order.append(name)
        return float(len(order))

    figures = take_turns({name: lambda name=name: player(name) for name in "abc"}, rounds=2)
    assert "".join(order) == "abc" + "abc" + "bca"
    assert figures == {"a": [4, 9], "b": [5, 7], "c": [6, 8]}


def test_seconds_of_a_variant_are_its_own() -> None:
    import time

    seconds = interleave({"long": lambda: time.sleep(0.05), "short": lambda: None}, rounds=2)
    assert min(seconds["long"]) >= 0.05
    assert max(seconds["short"]) < 0.05


def test_a_ratio_is_taken_within_rounds() -> None:
    assert ratio({"a": [1, 10, 1], "b": [2, 30, 4]}, of="a", to="b") == 3
    with pytest.raises(ValueError, match="zip"):
        ratio({"a": [1], "b": [1, 2]}, of="a", to="b")
