"""The figures of noise and ranges against plain definitions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cosine

from pipeline.diagnosis.layers import Codes
from pipeline.diagnosis.noise import LARGEST_DB, NoiseMeter, RangeMeter, in_order_of

INT8 = Codes(scale=0.5, zero_point=-28, low=-128, high=127)


def test_noise_in_parts_is_that_of_the_whole() -> None:
    generator = np.random.default_rng(0)
    exact = generator.normal(size=(6, 50)).astype(np.float32)
    found = (exact + generator.normal(size=exact.shape) * 0.1).astype(np.float32)
    meter = NoiseMeter()
    for row in range(6):
        meter.add(exact[row], found[row])
    noise = meter.noise()
    wanted = exact.astype(np.float64).ravel(), found.astype(np.float64).ravel()
    ratio = np.sum(wanted[0] ** 2) / np.sum((wanted[1] - wanted[0]) ** 2)
    assert noise.sqnr == pytest.approx(10 * math.log10(ratio), abs=1e-3)
    assert noise.cosine == pytest.approx(1 - cosine(*wanted), abs=1e-6)
    assert noise.gain == pytest.approx(np.linalg.lstsq(wanted[0][:, None], wanted[1], rcond=None)[0][0], abs=1e-6)


@given(gain=st.floats(0.05, 20))
@settings(max_examples=25, deadline=None)
def test_a_constant_multiple_is_its_gain(gain: float) -> None:
    exact = np.linspace(-1, 2, 40, dtype=np.float32)
    meter = NoiseMeter()
    meter.add(exact, np.float32(gain) * exact)
    assert meter.noise().gain == pytest.approx(gain, rel=1e-5)
    assert meter.noise().cosine == pytest.approx(1, abs=1e-6)


def test_uniform_rounding_costs_what_textbooks_say() -> None:
    # A sine over the full range of b bits: 6.02 b + 1.76 dB (Bennett 1948).
    exact = np.sin(np.arange(100_000) * 0.7310585).astype(np.float32)
    codes = Codes(scale=2 / 255, zero_point=0, low=-128, high=127)
    meter = NoiseMeter()
    meter.add(exact, (np.round(exact / codes.scale) * codes.scale).astype(np.float32))
    assert meter.noise().sqnr == pytest.approx(6.02 * 8 + 1.76, abs=0.2)


def test_nothing_and_no_difference_have_finite_figures() -> None:
    meter = NoiseMeter()
    meter.add(np.zeros(4, np.float32), np.zeros(4, np.float32))
    assert (meter.noise().sqnr, meter.noise().cosine, meter.noise().gain) == (LARGEST_DB, None, None)
    meter.add(np.zeros(4, np.float32), np.ones(4, np.float32))
    assert meter.noise().sqnr == -LARGEST_DB


def test_a_range_counts_what_is_cut_and_what_is_never_used() -> None:
    # Codes reach from -50 to 77.5; channel 0 goes to 155, channel 1 never leaves its code though it should.
    exact = np.array([[155.0, 0.0, 1.0], [-50.2, 3.0, 2.0]], np.float32)
    codes = np.array([[127, -28, -26], [-128, -28, -24]], np.int8)
    meter = RangeMeter(INT8, 3)
    meter.add(exact, codes)
    found = meter.range()
    assert found.beyond == pytest.approx(1 / 6)  # -50.2 is within half a step
    assert found.overreach == pytest.approx(2.0)
    assert found.bits == pytest.approx(8.0)
    assert (found.dead_channels, found.channels) == (1, 3)
    assert found.spread == pytest.approx(205.2 / 3)


def test_a_rectified_answer_is_not_cut_at_zero() -> None:
    codes = Codes(scale=0.1, zero_point=-128, low=-128, high=127)
    meter = RangeMeter(codes, 1)
    meter.add(np.array([[0.0], [25.5]], np.float32), np.array([[-128], [127]], np.int8))
    assert (meter.range().beyond, meter.range().overreach) == (0.0, pytest.approx(1.0))


def test_channels_first_is_brought_into_the_other_order() -> None:
    picture = np.arange(24).reshape(1, 2, 3, 4)
    np.testing.assert_array_equal(in_order_of(picture, (1, 3, 4, 2), channels_first=True), np.moveaxis(picture, 1, 3))
    assert in_order_of(np.zeros((1, 5, 1, 1)), (1, 5), channels_first=True).shape == (1, 5)
