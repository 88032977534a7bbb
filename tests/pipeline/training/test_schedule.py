import math

import pytest
import tf_keras as keras
from hypothesis import given
from hypothesis import strategies as st

from pipeline.training.schedule import Schedule


@given(st.sampled_from(["constant", "step", "exponential", "cosine"]), st.integers(1, 500), st.integers(0, 600))
def test_rate_stays_between_nothing_and_the_peak(kind: str, steps: int, warmup: int) -> None:
    schedule = Schedule(kind=kind, peak=0.1, steps=steps, warmup=warmup)
    rates = [schedule.rate(step) for step in range(steps)]
    assert all(0 <= rate <= 0.1 and math.isfinite(rate) for rate in rates)
    after = rates[min(warmup, steps) :]
    assert after == sorted(after, reverse=True)


def test_cosine_equals_keras() -> None:
    ours = Schedule(kind="cosine", peak=0.1, steps=100)
    theirs = keras.optimizers.schedules.CosineDecay(0.1, 100)
    assert [ours.rate(step) for step in range(100)] == pytest.approx([float(theirs(s)) for s in range(100)], abs=1e-7)


def test_exponential_equals_keras() -> None:
    ours = Schedule(kind="exponential", peak=0.1, steps=100)
    theirs = keras.optimizers.schedules.ExponentialDecay(0.1, 100, 0.01)
    assert [ours.rate(step) for step in range(100)] == pytest.approx([float(theirs(s)) for s in range(100)], rel=1e-5)


def test_warm_up_rises_to_the_peak() -> None:
    schedule = Schedule(kind="constant", peak=0.1, steps=10, warmup=4)
    assert [schedule.rate(step) for step in range(6)] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1, 0.1])
