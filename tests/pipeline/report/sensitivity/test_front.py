"""The Pareto front, held against its definition and hand-made cases."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.sensitivity.front import SAME_LATENCY, Costs, beaten_by, beats, versus


def costs(right: list[int], size: int, latency: float, positions: list[int] | None = None) -> Costs:
    at = range(len(right)) if positions is None else positions
    return Costs(right=np.array(right, bool), positions=np.array(at), bytes=size, latency_ms=latency)


def drawn(latencies: st.SearchStrategy[float]) -> st.SearchStrategy[Costs]:
    return st.builds(costs, st.lists(st.sampled_from([0, 1]), min_size=6, max_size=6), st.integers(1, 5), latencies)


APART = st.sampled_from([1.0, 2.0, 3.0])  # by more than SAME_LATENCY
NEAR = st.floats(1.0, 1.2)


@given(st.lists(drawn(APART), min_size=1, max_size=6))
def test_the_front_is_what_nothing_dominates_in_all_three(forms: list[Costs]) -> None:
    points = [(-int(form.right.sum()), form.bytes, form.latency_ms) for form in forms]
    dominating = [
        {at for at, other in enumerate(points) if all(a <= b for a, b in zip(other, one, strict=True)) and other != one}
        for one in points
    ]
    front = {at for at, better in enumerate(dominating) if not better}
    assert [set(better) for better in beaten_by(forms)] == [better & front for better in dominating]


@given(st.lists(drawn(NEAR), min_size=1, max_size=8))
def test_every_form_off_the_front_is_beaten_by_one_on_it_and_none_on_it_is(forms: list[Costs]) -> None:
    found = beaten_by(forms)
    front = [at for at, better in enumerate(found) if not better]
    assert front  # some form is always worth having
    for at, better in enumerate(found):
        assert sorted(better) == [on for on in front if beats(forms[on], forms[at])]


def test_a_chain_of_near_latencies_does_not_hide_the_quickest() -> None:
    chain = [costs([1], 1, 1.055), costs([1], 2, 1.028), costs([1], 3, 1.0)]
    assert beats(chain[0], chain[1])
    assert beats(chain[1], chain[2])
    assert beaten_by(chain) == [[], [0], []]  # the third is 5.5 % quicker than the first


def test_latencies_that_differ_by_noise_are_alike() -> None:
    noisy = 1 + SAME_LATENCY / 2
    assert not beats(costs([0], 10, 1.0), costs([0], 10, noisy))
    assert beats(costs([0], 9, noisy), costs([0], 10, 1.0))


def test_forms_are_compared_on_the_samples_that_both_were_judged_on() -> None:
    all_four, last_two = costs([0, 0, 1, 1], 10, 1.0), costs([0, 1], 10, 2.0, positions=[2, 3])
    assert beats(all_four, last_two)  # where both were judged it loses none, though two in all
    assert (versus(all_four, last_two).count, versus(all_four, last_two).drop) == (2, 0.5)
