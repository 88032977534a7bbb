"""Sines are the oracle, whose samples are known at every rate, and scipy's polyphase filter."""

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.signal import resample_poly

from edge.device.sound.resample import resample

# The usual rates of microphones and files, and two that have little in common with the others.
PAIRS = [(48_000, 8_000), (44_100, 8_000), (44_100, 16_000), (11_025, 8_000), (8_000, 16_000), (8_000, 44_100)]
PAIRS += [(192_000, 4_000), (8_021, 8_000)]


def sine(hertz: float, rate: int, seconds: float = 0.5) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate + 0.3)


def inner(samples: np.ndarray) -> np.ndarray:
    """The half in the middle, which nothing beyond the ends reaches."""
    return samples[len(samples) // 4 : -len(samples) // 4]


def decibels(ratio: float) -> float:
    return float(20 * np.log10(ratio))


@pytest.mark.parametrize(("rate", "wanted"), PAIRS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.83])
def test_sine_of_the_pass_band_is_the_same_sine_at_the_other_rate(rate: int, wanted: int, share: float) -> None:
    hertz = share * min(rate, wanted) / 2
    expected = inner(sine(hertz, wanted))
    found = inner(resample(sine(hertz, rate).astype(np.float32), rate, wanted))
    assert abs(decibels(found.std() / expected.std())) < 0.001
    np.testing.assert_allclose(found, expected, atol=1e-3)  # neither delayed nor turned


@pytest.mark.parametrize(("rate", "wanted"), [pair for pair in PAIRS if pair[0] > pair[1] * 1.3])
@pytest.mark.parametrize("share", [1.0, 1.01, 1.02, 1.05, 1.3, 1.9])
def test_what_the_lower_rate_cannot_hold_is_attenuated_by_80_db(rate: int, wanted: int, share: float) -> None:
    hertz = min(share * wanted / 2, rate / 2)
    assert decibels(np.abs(inner(resample(sine(hertz, rate).astype(np.float32), rate, wanted))).max()) < -80


@pytest.mark.parametrize(("rate", "wanted"), [(8_000, 16_000), (8_000, 44_100)])
def test_images_on_the_way_up_are_attenuated_by_80_db(rate: int, wanted: int) -> None:
    found = inner(resample(sine(3_200, rate, 1).astype(np.float32), rate, wanted))
    spectrum = np.abs(np.fft.rfft(found * np.kaiser(len(found), 14)))
    above = np.fft.rfftfreq(len(found), 1 / wanted) > rate / 2
    assert decibels(spectrum[above].max() / spectrum.max()) < -80


@pytest.mark.parametrize(("rate", "wanted"), PAIRS)
def test_sound_well_within_the_band_is_as_scipy_has_it(rate: int, wanted: int) -> None:
    tones = sum(sine(hertz, rate, 0.25) for hertz in (100, 450, 1_000)).astype(np.float32) / 3
    found, oracle = resample(tones, rate, wanted), resample_poly(tones, wanted, rate, window=("kaiser", 12.0))
    assert found.shape == oracle.shape
    np.testing.assert_allclose(inner(found), inner(oracle), atol=2e-3)


@settings(max_examples=50, deadline=None)  # rates with nothing in common have as many filters as samples
@given(
    arrays(np.float32, st.integers(1, 40), elements=st.floats(-1, 1, width=32)),
    st.integers(4_000, 192_000),
    st.integers(4_000, 192_000),
)
def test_any_sound_at_any_rate_lasts_as_long_and_stays_bounded(samples: np.ndarray, rate: int, wanted: int) -> None:
    found = resample(samples, rate, wanted)
    assert (found.dtype, len(found)) == (np.float32, -(-len(samples) * wanted // rate))
    assert np.abs(found).max(initial=0) <= 3 * np.abs(samples).max()


@given(arrays(np.float32, st.integers(1, 300), elements=st.floats(-1, 1, width=32)))
def test_sound_at_its_own_rate_stays_as_it_is(samples: np.ndarray) -> None:
    np.testing.assert_array_equal(resample(samples, 8_000, 8_000), samples)


def test_constant_keeps_its_value_in_every_phase() -> None:
    found = resample(np.full(4_000, 0.25, np.float32), 44_100, 16_000)
    np.testing.assert_allclose(inner(found), 0.25, rtol=1e-7)


def test_turned_sound_gives_the_turned_result() -> None:
    noise = np.random.default_rng(1).normal(0, 0.3, 4_001).astype(np.float32)
    np.testing.assert_allclose(resample(noise, 16_000, 8_000)[::-1], resample(noise[::-1], 16_000, 8_000), atol=1e-7)


def test_rates_with_nothing_in_common_take_no_more_memory() -> None:
    noise = np.random.default_rng(1).normal(0, 0.3, 44_101).astype(np.float32)
    tracemalloc.start()
    found = resample(noise, 44_101, 8_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == 8_000
    assert peak < 12_000_000  # with a filter for each of 8,000 phases it would be 23 MB


def test_a_second_takes_less_than_10_ms() -> None:
    noise = np.random.default_rng(1).normal(0, 0.3, 48_000).astype(np.float32)
    seconds = []
    for _ in range(10):
        start = time.perf_counter()
        resample(noise, 48_000, 8_000)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.01
