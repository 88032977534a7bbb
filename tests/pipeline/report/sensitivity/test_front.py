"""The Pareto front, held against its definition and hand-made cases."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.sensitivity.front import SAME_LATENCY, Costs, beaten_by, beats


def costs(lost: list[int], size: int, latency: float, positions: list[int] | None = None) -> Costs:
    at = range(len(lost)) if positions is None else positions
    return Costs(lost=np.array(lost, np.int8), positions=np.array(at), bytes=size, latency_ms=latency)


drawn = st.builds(
    costs,
    st.lists(st.sampled_from([-1, 0, 1]), min_size=6, max_size=6),
    st.integers(1, 5),
    st.sampled_from([1.0, 2.0, 3.0]),  # further apart than SAME_LATENCY
)


@given(st.lists(drawn, min_size=1, max_size=6))
def test_the_front_is_what_nothing_dominates_in_all_three(forms: list[Costs]) -> None:
    points = [(int(form.lost.sum()), form.bytes, form.latency_ms) for form in forms]
    expected = [
        [at for at, other in enumerate(points) if all(a <= b for a, b in zip(other, one, strict=True)) and other != one]
        for one in points
    ]
    assert beaten_by(forms) == expected
    assert any(not better for better in beaten_by(forms))  # some form is always worth having


def test_latencies_that_differ_by_noise_are_alike() -> None:
    noisy = 1 + SAME_LATENCY / 2
    assert not beats(costs([0], 10, 1.0), costs([0], 10, noisy))
    assert beats(costs([0], 9, noisy), costs([0], 10, 1.0))


def test_forms_are_compared_on_the_samples_that_both_were_judged_on() -> None:
    all_four, last_two = costs([1, 1, 0, 0], 10, 1.0), costs([1, 0], 10, 2.0, positions=[2, 3])
    assert beats(all_four, last_two)  # where both were judged it loses none, though two in all
