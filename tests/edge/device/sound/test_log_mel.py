"""TensorFlow's tf.signal is the oracle of the spectrogram, and arithmetic that of where a clip is cut."""

import json
import tarfile
import time
import warnings
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge.device.errors import BadData
from edge.device.sound.log_mel import LogMel, log_mel, log_mel_of_wav
from edge.device.sound.wav import Wave, read_wav
from edge.device.typed import from_json

SPEECH = LogMel(
    rate=8_000,
    samples=8_000,
    window=256,
    hop=128,
    fft=256,
    bands=40,
    low_hz=20.0,
    high_hz=4_000.0,
    floor_db=-80.0,
    ceiling_db=0.0,
    align="start",
    level="kept",
)
WIDE = replace(SPEECH, rate=16_000, samples=16_000, window=400, hop=160, fft=512, bands=32, high_hz=7_600.0)


def sine(hertz: float, rate: int, seconds: float = 1.0, peak: float = 1.0) -> Wave:
    at = np.arange(round(rate * seconds)) / rate
    return Wave((peak * np.sin(2 * np.pi * hertz * at)).astype(np.float32), rate)


def word(rate: int = 8_000, before: float = 0.0, after: float = 0.0, peak: float = 0.5) -> Wave:
    """A third of a second of tones that rise and fall, with silence around it."""
    at = np.arange(round(rate / 3)) / rate
    tones = sum(
        np.sin(2 * np.pi * hertz * at * (1 + at)) / (1 + index) for index, hertz in enumerate((220, 470, 1_900))
    )
    spoken = peak * np.hanning(len(at)) * tones / np.abs(tones).max()
    silence = [np.zeros(round(rate * seconds)) for seconds in (before, after)]
    return Wave(np.concatenate([silence[0], spoken, silence[1]]).astype(np.float32), rate)


def noise(seconds: float = 1.0, rate: int = 8_000, seed: int = 1, scale: float = 0.1) -> Wave:
    samples = np.random.default_rng(seed).normal(0, scale, round(rate * seconds))
    return Wave(samples.clip(-1, 1).astype(np.float32), rate)


def quickest(clip: Wave, settings: LogMel, tries: int) -> float:
    """Seconds of one picture."""
    seconds = []
    for _ in range(tries):
        start = time.perf_counter()
        log_mel(clip, settings)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def with_tensorflow(samples: np.ndarray, settings: LogMel) -> np.ndarray:
    """Decibels [frames, bands], in float64 but for the mel matrix."""
    import tensorflow as tf

    spectra = tf.signal.stft(
        samples.astype(np.float64), settings.window, settings.hop, settings.fft, tf.signal.hann_window
    )
    matrix = tf.signal.linear_to_mel_weight_matrix(
        settings.bands, settings.fft // 2 + 1, settings.rate, settings.low_hz, settings.high_hz, tf.float64
    )
    power = (np.abs(spectra) / (settings.window / 4)) ** 2 @ matrix.numpy()
    return 10 * np.log10(np.maximum(power, 1e-30))


def as_bytes(decibels: np.ndarray, settings: LogMel) -> np.ndarray:
    share = (decibels - settings.floor_db) / (settings.ceiling_db - settings.floor_db)
    return np.rint(255 * np.clip(share, 0, 1))[..., None]


@pytest.mark.parametrize("settings", [SPEECH, WIDE, replace(WIDE, hop=400, bands=64, fft=1_024, low_hz=125.0)])
def test_bytes_are_those_of_tf_signal(settings: LogMel) -> None:
    for clip in (noise(rate=settings.rate), word(settings.rate, after=2 / 3)):
        found = log_mel(clip, settings)
        oracle = as_bytes(with_tensorflow(clip.samples - clip.samples.mean(dtype=np.float64), settings), settings)
        assert (found.shape, found.dtype) == (settings.shape, np.uint8)
        np.testing.assert_array_equal(found, oracle)


def test_spoken_digit_has_the_bytes_of_tf_signal(shared: Path) -> None:
    with tarfile.open(shared / "data" / "fsdd_digits.tar.xz") as archive:
        digits = (archive.extractfile(member).read() for member in archive if member.name.endswith(".wav"))
        content = next(each for each in digits if len(read_wav(each).samples) < SPEECH.samples)
    samples = read_wav(content).samples.astype(np.float64)
    clip = np.pad(samples - samples.mean(), (0, SPEECH.samples - len(samples)))
    found = log_mel_of_wav(content, SPEECH)
    np.testing.assert_array_equal(found, as_bytes(with_tensorflow(clip, SPEECH), SPEECH))
    assert 20 < found.mean() < 200


@pytest.mark.parametrize("hertz", [500, 1_000, 2_500])
def test_sine_of_full_scale_is_0_db_in_the_band_of_its_pitch(hertz: int) -> None:
    picture = log_mel(sine(hertz, 8_000), replace(SPEECH, ceiling_db=20.0))[10, :, 0]
    edges = 700 * np.expm1(np.linspace(*(1127 * np.log1p(np.array([20, 4_000]) / 700)), 42) / 1127)
    loudest = int(picture.argmax())
    assert edges[loudest] < hertz < edges[loudest + 2]
    # A triangle over the three lines of Hann's window takes from half of the power to one and a half.
    assert -3 < picture[loudest] / 255 * 100 - 80 < 1.8


@pytest.mark.parametrize("align", ["start", "centre", "loudest"])
@pytest.mark.parametrize("level", ["kept", "peak"])
@pytest.mark.parametrize("value", [0.0, 1.0, -0.3])
@pytest.mark.parametrize("length", [1, 79, 8_000, 20_000])
def test_silence_is_0_with_or_without_an_offset(align: str, level: str, value: float, length: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = log_mel(Wave(np.full(length, value, np.float32), 8_000), replace(SPEECH, align=align, level=level))
    assert not picture.any()


@given(
    arrays(np.float32, st.integers(1, 400), elements=st.floats(-1, 1, width=32)),
    st.sampled_from([4_000, 8_000, 11_025, 44_100, 192_000]),
    st.sampled_from(["start", "centre", "loudest"]),
    st.sampled_from(["kept", "peak"]),
)
def test_any_recording_gives_a_picture_without_a_warning(
    samples: np.ndarray, rate: int, align: str, level: str
) -> None:
    settings = LogMel(
        rate=8_000, samples=100, window=32, hop=16, fft=32, bands=4, low_hz=100.0, high_hz=4_000.0, floor_db=-80.0,
        ceiling_db=0.0, align=align, level=level,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = log_mel(Wave(samples, rate), settings)
    assert (picture.shape, picture.dtype) == ((5, 4, 1), np.uint8)


def test_start_and_centre_cut_and_fill_where_they_say() -> None:
    long, short = noise(3), noise(0.5)
    np.testing.assert_array_equal(log_mel(long, SPEECH), log_mel(Wave(long.samples[:8_000], 8_000), SPEECH))
    centre = replace(SPEECH, align="centre")
    np.testing.assert_array_equal(log_mel(long, centre), log_mel(Wave(long.samples[8_000:16_000], 8_000), centre))
    # 4,000 of 8,000 samples are silence: 31 windows' starts lie before or behind them all.
    assert not log_mel(short, SPEECH)[32:].any()
    assert log_mel(short, SPEECH)[:30].all(axis=1).all()
    assert not log_mel(short, centre)[:14].any()
    assert not log_mel(short, centre)[48:].any()
    assert log_mel(short, centre)[17:45].all(axis=1).all()


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize(("before", "after"), [(0, 0), (0.2, 0), (0, 0.4), (2.3, 0), (0, 2.3), (1.13, 0.71), (9, 30)])
def test_word_is_in_the_middle_wherever_it_was_said(rate: int, before: float, after: float) -> None:
    settings = replace(SPEECH, align="loudest")
    said = word(rate, before, after)
    silence = noise(len(said.samples) / rate, rate, scale=1e-4).samples[: len(said.samples)]
    picture = log_mel(Wave(said.samples + silence, rate), settings)[:, :, 0].astype(np.float64)
    energy = (10 ** (picture / 255 * 8)).sum(axis=1)
    middle = (energy * np.arange(settings.frames)).sum() / energy.sum()
    assert abs(middle - 30) < 1.5  # frames of 16 ms


def test_gain_changes_nothing_at_peak_level_and_something_when_kept() -> None:
    peak = replace(SPEECH, level="peak")
    quiet, loud = word(peak=0.02), word(peak=0.9)
    assert np.abs(log_mel(quiet, peak).astype(int) - log_mel(loud, peak)).max() <= 1
    difference = log_mel(loud, SPEECH).astype(int) - log_mel(quiet, SPEECH)
    assert np.median(difference[log_mel(quiet, SPEECH) > 0]) == pytest.approx(33.06 / 80 * 255, abs=1)  # 0.9 / 0.02


def test_gain_is_40_db_at_most() -> None:
    faint = noise(scale=1e-5)
    kept, peak = (
        log_mel(faint, replace(SPEECH, floor_db=-160.0)),
        log_mel(faint, replace(SPEECH, floor_db=-160.0, level="peak")),
    )
    difference = peak.astype(int) - kept
    np.testing.assert_allclose(difference, 40 / 160 * 255, atol=1)


def test_recording_at_another_rate_gives_nearly_the_same_picture() -> None:
    low, high = (log_mel(word(rate, after=0.5), SPEECH).astype(int) for rate in (8_000, 48_000))
    sounding = low > 60
    assert np.abs(low - high)[sounding].max() <= 3


def test_bytes_do_not_hang_on_the_last_bits_of_the_sums() -> None:
    """Samples off by one part in 10**7, a thousand million times what float64 loses, move one byte in 10,000 or so."""
    settings, moved, count = replace(SPEECH, align="loudest", level="peak"), 0, 0
    for seed in range(30):
        clip = noise(1.5, seed=seed)
        wobble = 1 + 1e-7 * np.random.default_rng(seed + 100).choice([-1, 1], len(clip.samples))
        near = Wave((clip.samples * wobble).astype(np.float32), clip.rate)
        moved += int((log_mel(clip, settings) != log_mel(near, settings)).sum())
        count += settings.frames * settings.bands
    assert moved < count / 10_000


def test_minute_of_sound_takes_less_than_a_fifth_of_a_second() -> None:
    settings = replace(SPEECH, align="loudest", level="peak")
    assert quickest(noise(60, 48_000), settings, tries=3) < 0.2


def test_clip_of_one_second_takes_less_than_3_ms() -> None:
    assert quickest(word(after=2 / 3), replace(SPEECH, align="loudest", level="peak"), tries=20) < 0.003


def test_file_that_is_no_wav_is_refused() -> None:
    with pytest.raises(BadData, match="not a wav file"):
        log_mel_of_wav(b"OggS", SPEECH)


def test_settings_come_back_from_json_as_they_were_written() -> None:
    SPEECH.check()
    WIDE.check()
    assert from_json(LogMel, json.loads(json.dumps(asdict(SPEECH)))) == SPEECH
    assert SPEECH.shape == (61, 40, 1)
    assert WIDE.shape == (98, 32, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": 0}, "rate: received 0, expected 4,000 to 192,000"),
        ({"samples": 0}, "samples: received 0, expected 1 to 480,000"),
        ({"samples": 480_001}, "samples: received 480001"),
        ({"window": 8_001}, "window: received 8001, expected 2 to 8,000"),
        ({"window": 1}, "window: received 1, expected 2"),
        ({"hop": 0}, "hop: received 0, expected 8 to"),
        ({"samples": 480_000, "hop": 100}, "hop: received 100, expected 469 to"),
        ({"hop": 8_001}, "hop: received 8001"),
        ({"fft": 128}, "fft: received 128, expected 256 to 8,192"),
        ({"fft": 2**40}, "fft: received"),
        ({"fft": 300}, "fft: received 300, expected a power of two"),
        ({"bands": 0}, "bands: received 0, expected 1 to 256"),
        ({"bands": 100}, "bands: received 100, of which [0-9]+ lie between two frequencies"),
        ({"low_hz": -1.0}, "low_hz: received -1.0, expected 0 to 4,000"),
        ({"low_hz": 4_000.0}, "high_hz: received 4000.0"),
        ({"high_hz": 4_001.0}, "high_hz: received 4001.0, expected 21 to 4,000"),
        ({"floor_db": -1e9}, "floor_db: received -1000000000.0"),
        ({"ceiling_db": -80.0}, "ceiling_db: received -80.0, expected -79 to 200"),
        ({"ceiling_db": float("nan")}, "ceiling_db: received nan"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_their_name(change: dict[str, object], message: str) -> None:
    with warnings.catch_warnings(), pytest.raises(ValueError, match=f"^{message}"):
        warnings.simplefilter("error")
        replace(SPEECH, **change).check()
