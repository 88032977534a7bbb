"""Figures found in results of which the answer is plain."""

from pipeline.bench.goals import Goal, figure_at, most_busy_with_others, verdicts


def test_the_busiest_moment_is_found_at_any_depth() -> None:
    results = {"cores_busy_with_others": 0.1, "a": {"b": {"cores_busy_with_others": 0.7}, "c": 9.0}}
    assert most_busy_with_others(results) == 0.7
    assert most_busy_with_others({"a": 3.0}) == 0


def test_a_goal_whose_part_was_not_measured_has_no_verdict() -> None:
    goal = Goal(name="a", unit="x", bound=1, figure=figure_at("part", "figure"))
    assert verdicts([goal], {"part": {}}) == []
    (found,) = verdicts([goal], {"part": {"figure": 1}})
    assert (found.reached, found.measured, found.expected) == (True, "1.00 x", "at most 1 x")
