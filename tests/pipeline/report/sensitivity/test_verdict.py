"""The front in words: what it claims, and what it must not."""

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.sensitivity.facts import Form
from pipeline.report.sensitivity.front import SAME_LATENCY, Costs, beaten_by
from pipeline.report.sensitivity.verdict import verdict
from pipeline.statistics import pair, score_interval


def costs(wrong: int, size: int, latency: float, count: int = 358) -> Costs:
    """Judged on `count` pictures, of which the first `wrong` are lost."""
    return Costs(right=np.arange(count) >= wrong, positions=np.arange(count), bytes=size, latency_ms=latency)


def words(costs_of: dict[str, Costs], shipped: str = "") -> str:
    """The verdict where float gets everything right, and `shipped` went to cpu."""
    beaten, names = beaten_by(list(costs_of.values())), list(costs_of)
    forms = []
    for (name, cost), better in zip(costs_of.items(), beaten, strict=True):
        pairs = pair(np.ones(len(cost.right), bool), cost.right)
        forms.append(
            Form(
                name=name,
                precision="int8-ptq",
                layers_float=None,
                samples=pairs.count,
                top1=1 - pairs.drop,
                drop=pairs.drop,
                drop_interval=score_interval(pairs),
                bytes=cost.bytes,
                latency_ms=cost.latency_ms,
                shipped_as=("cpu",) if name == shipped else (),
                front=not better,
                beaten_by=tuple(names[at] for at in better),
            )
        )
    return verdict(forms, costs_of)


DRAWN = st.builds(costs, st.integers(0, 3), st.integers(1, 5), st.floats(1.0, 1.2))


@given(st.lists(DRAWN, min_size=2, max_size=6))
def test_only_what_is_quickest_is_called_so(drawn: list[Costs]) -> None:
    named = {f"form{at}": cost for at, cost in enumerate(drawn)}
    told = words(named)
    least = min(cost.latency_ms for cost in drawn)
    for name in re.findall(r"(\w+) \([^)]*the quickest", told):
        others = [cost.latency_ms for other, cost in named.items() if other != name]
        assert named[name].latency_ms <= least * (1 + SAME_LATENCY)
        assert named[name].latency_ms <= min(others) * (1 + SAME_LATENCY)
    if told.endswith(", and as quick."):
        assert named[told.split()[0]].latency_ms == least


def test_one_form_that_is_a_little_slower_is_not_called_as_quick() -> None:
    told = words({"small": costs(0, 1, 1.02), "large": costs(0, 2, 1.0)})
    assert "as quick" not in told
    assert "small is at least as small and as accurate as every other form, and 2.0 % slower" in told


def test_a_shipped_form_that_loses_the_same_is_no_less_accurate_and_chance_is_told() -> None:
    told = words({"better": costs(2, 991, 1.0), "taken": costs(2, 1000, 1.0)}, "taken")
    assert "taken, shipped for cpu, is beaten: better takes 0.991 times its bytes and 1.00 times its time" in told
    low, high = score_interval(pair(np.ones(358, bool), np.ones(358, bool)))
    interval = f"95 %: {100 * low:+.2f} to {100 * high:+.2f} points"
    assert f"loses the same on 358 pictures, too few samples to tell their accuracies apart ({interval})" in told


def test_a_gain_within_chance_is_told_from_a_real_one() -> None:
    small = words({"better": costs(1, 9, 1.0), "taken": costs(2, 10, 1.0)}, "taken")
    assert "loses 0.28 points less on 358 pictures, too few samples to tell their accuracies apart" in small
    large = words({"better": costs(1, 9, 1.0), "taken": costs(40, 10, 1.0)}, "taken")
    assert "loses 10.89 points less on 358 pictures (95 %: " in large
    assert "too few" not in large


def test_forms_judged_on_fewer_pictures_are_compared_on_those() -> None:
    slow = costs(0, 9, 5.0, count=100)
    # In all it loses 1 of 358, a smaller share than 2 of 100; of the same 100, fewer, too.
    better = Costs(right=np.arange(358) != 300, positions=np.arange(358), bytes=9, latency_ms=1.0)
    taken = Costs(right=slow.right & (np.arange(100) >= 2), positions=np.arange(100), bytes=10, latency_ms=5.0)
    assert "loses 2.00 points less on 100 pictures" in words({"better": better, "taken": taken}, "taken")
    # In all it loses 20 of 358, a larger share; of the same 100, none.
    late = Costs(right=np.arange(358) < 338, positions=np.arange(358), bytes=9, latency_ms=1.0)
    assert "loses 2.00 points less on 100 pictures" in words({"late": late, "taken": taken}, "taken")


def test_only_forms_of_the_same_pictures_are_told_apart_on_the_front() -> None:
    late = Costs(right=np.arange(358) < 338, positions=np.arange(358), bytes=9, latency_ms=1.0)
    told = words({"late": late, "slow": costs(1, 8, 5.0, count=100)})
    assert "more accurate than" not in told
    assert "late (the quickest here, the most accurate on these pictures)" in told


def test_a_gain_along_the_front_is_told_from_chance() -> None:
    assert "too few samples to tell whether that gain" in words({"a": costs(1, 9, 1.0), "b": costs(2, 8, 1.0)})
    assert "too few" not in words({"a": costs(1, 9, 1.0), "b": costs(40, 8, 1.0)})
