"""A clip of sound as a picture: the logarithm of its power, by time and by pitch as the ear tells it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from edge.device.sound.resample import resample
from edge.device.sound.wav import RATES, Samples, Wave, read_wav

Align = Literal["start", "centre", "loudest"]
Level = Literal["kept", "peak"]

# What settings may ask for, so that no contract makes a device compute for seconds, or takes hundreds of MB of it.
MAX_CLIP_SECONDS = 60
MAX_FRAMES = 1_024
MAX_FFT = 8_192
MAX_BANDS = 256

# A gain of 40 dB at most: the noise of a silent room is not made as loud as speech.
_LEAST_PEAK = 0.01


@dataclass(frozen=True)
class LogMel:
    """How a clip becomes the picture that the model takes, uint8 of shape [frames, bands, 1].

    `rate`: Hz; `samples`: length of the clip, at that rate; `window`, `hop`, `fft`: samples of a frame, from one frame
    to the next, and of its Fourier transform, a power of two as microcontrollers have it. `bands` triangles on HTK's
    mel scale reach from `low_hz` to `high_hz`. `floor_db` is byte 0, `ceiling_db` 255; 0 dB is a sine of full scale.

    `align`, of recordings that are longer or shorter: "start" takes their first samples and adds silence at the end;
    "centre" cuts or adds as much at both ends; "loudest" brings what is loudest to the middle of the clip, as a word is
    said at any moment of a recording, and the network should see it where it was in training.
    `level`: "kept" leaves loudness as it is, which tells near from far; "peak" first brings the clip to full scale, by
    40 dB at most, as the gain of one microphone differs from the next one's, and a word is the same word.
    """

    rate: int
    samples: int
    window: int
    hop: int
    fft: int
    bands: int
    low_hz: float
    high_hz: float
    floor_db: float
    ceiling_db: float
    align: Align
    level: Level

    @property
    def frames(self) -> int:
        """How many whole windows the clip holds."""
        return 1 + (self.samples - self.window) // self.hop

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the picture: frames, bands, 1."""
        return self.frames, self.bands, 1

    def check(self) -> None:
        """Raise ValueError where a value cannot be, with its name, what it is and what was expected."""
        longest, least_hop = MAX_CLIP_SECONDS * self.rate, max(1, (self.samples - self.window) // MAX_FRAMES + 1)
        for name, value, low, high in (
            ("rate", self.rate, *RATES),
            ("samples", self.samples, 1, longest),
            ("window", self.window, 2, self.samples),
            ("hop", self.hop, least_hop, self.samples),
            ("fft", self.fft, self.window, MAX_FFT),
            ("bands", self.bands, 1, MAX_BANDS),
            ("low_hz", self.low_hz, 0, self.rate / 2),
            ("high_hz", self.high_hz, self.low_hz + 1, self.rate / 2),
            ("floor_db", self.floor_db, -200, 100),
            ("ceiling_db", self.ceiling_db, self.floor_db + 1, 200),
        ):
            if not low <= value <= high:
                raise ValueError(f"{name}: received {value!r}, expected {low:,.10g} to {high:,.10g}")
        if self.fft & (self.fft - 1):
            raise ValueError(f"fft: received {self.fft}, expected a power of two")
        empty = int((_tables(self)[1].sum(axis=0) == 0).sum())
        if empty:
            raise ValueError(
                f"bands: received {self.bands}, of which {empty} lie between two frequencies of the transform, "
                f"{self.rate / self.fft:g} Hz apart; expected fewer, a longer fft, or a wider low_hz to high_hz"
            )


def log_mel_of_wav(content: bytes, settings: LogMel) -> NDArray[np.uint8]:
    """The picture uint8 [frames, bands, 1] of a wav file; raises BadData as `read_wav` does."""
    return log_mel(read_wav(content), settings)


def log_mel(wave: Wave, settings: LogMel) -> NDArray[np.uint8]:
    """The picture uint8 [frames, bands, 1] of a recording of any rate and length; silence is 0.

    The part that the model sees is cut out before it is brought to the model's rate, so that a long recording costs
    little more than a short one; its mean is taken off, as microphones have an offset. Then Hann's window, power, bands
    and decibels, in float64: sums that differ in their last bits, as they do between CPUs, move no byte but by a chance
    of one in millions.
    """
    clip = _clip(wave, settings)
    window, mel = _tables(settings)
    frames = sliding_window_view(clip, settings.window)[:: settings.hop] * window
    spectrum = np.fft.rfft(frames, settings.fft)
    power = (spectrum.real**2 + spectrum.imag**2) @ mel
    # In terms of power, so that silence has a logarithm.
    limits = 10 ** (settings.floor_db / 10), 10 ** (settings.ceiling_db / 10)
    decibels = 10 * np.log10(np.clip(power, *limits))
    share = (decibels - settings.floor_db) / (settings.ceiling_db - settings.floor_db)
    return np.rint(255 * share).astype(np.uint8)[..., None]


def _clip(wave: Wave, settings: LogMel) -> NDArray[np.float64]:
    """The `samples` that the model sees, at its rate and level."""
    length = math.ceil(settings.samples * wave.rate / settings.rate)
    start = _start(wave, length, settings.align)
    part = resample(wave.samples[max(start, 0) : start + length], wave.rate, settings.rate).astype(np.float64)
    part -= part.mean()
    if settings.level == "peak":
        part /= max(np.abs(part).max(), _LEAST_PEAK)
    before = round(max(-start, 0) * settings.rate / wave.rate)
    clip = np.zeros(settings.samples)
    kept = part[: settings.samples - before]
    clip[before : before + len(kept)] = kept
    return clip


def _start(wave: Wave, length: int, align: Align) -> int:
    """The first of the `length` samples to take; below 0 where silence comes before the recording."""
    if align == "start":
        return 0
    if align == "centre":
        return (len(wave.samples) - length) // 2
    block = wave.rate // 100
    energy = _energy(wave.samples, block)
    # Whole numbers: equal sums are equal on every machine, and the first of them is taken.
    counts = np.rint(energy * (2**30 / max(energy.max(), 1e-30))).astype(np.int64)
    size = max(1, round(length / block))
    weights = np.rint(1_000 * np.hanning(size + 2)[1:-1]).astype(np.int64)
    return (int(np.convolve(counts, weights).argmax()) - size + 1) * block


def _energy(samples: Samples, block: int) -> NDArray[np.float64]:
    """Of each `block` samples and of what is left, about their own mean: neither offset nor rumble is loud."""
    whole = len(samples) - len(samples) % block
    energy = block * samples[:whole].reshape(-1, block).var(axis=1, dtype=np.float64)
    left = samples[whole:]
    return np.append(energy, len(left) * left.var(dtype=np.float64)) if len(left) else energy


@lru_cache(maxsize=4)
def _tables(settings: LogMel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Hann's window [window], periodic, so scaled that 0 dB is a sine of full scale; mel weights [fft / 2 + 1, bands].

    The mel scale and its triangles, which are such on that scale and 1 at their peak, are HTK's (Young et al., The HTK
    Book, section 5.4), as in tf.signal.linear_to_mel_weight_matrix.
    """
    window = np.hanning(settings.window + 1)[:-1]
    window *= 2 / window.sum()
    edges = np.linspace(_mel(settings.low_hz), _mel(settings.high_hz), settings.bands + 2)
    at = _mel(np.arange(settings.fft // 2 + 1)[:, None] * (settings.rate / settings.fft))
    rising = (at - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - at) / (edges[2:] - edges[1:-1])
    mel = np.maximum(0, np.minimum(rising, falling))
    mel[0] = 0  # no offset
    window.setflags(write=False)
    mel.setflags(write=False)
    return window, mel


def _mel(hertz: Any) -> Any:
    return 1127 * np.log1p(hertz / 700)
