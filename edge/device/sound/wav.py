"""From the bytes of a wav file to samples. Python's wave module knows no floats, and raises what nobody expects.

The format: Multimedia Programming Interface and Data Specifications 1.0 (IBM and Microsoft, 1991), Multiple Channel
Audio Data and WAVE Files (Microsoft, 2001) and RFC 2361.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import BadData

Samples = NDArray[np.float32]

# Both ends are included.
RATES = (4_000, 192_000)  # Hz
CHANNELS = (1, 16)
MAX_SECONDS = 600

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_ENCODINGS = {"integers": (8, 16, 24, 32), "floats": (32, 64)}
# The rest of an extensible format's GUID, whose first two bytes are the format itself.
_GUID = bytes.fromhex("000000001000800000aa00389b71")
_FORMATS = {
    0x0002: "Microsoft ADPCM", 0x0006: "A-law", 0x0007: "mu-law", 0x0011: "IMA ADPCM", 0x0031: "GSM 6.10",
    0x0040: "G.721 ADPCM", 0x0050: "MPEG audio", 0x0055: "MP3", 0x00FF: "AAC", 0x0161: "Windows Media Audio",
    0x2000: "AC-3", 0xF1AC: "FLAC",
}  # fmt: skip

# What is written to a pipe, where the length is not known: 0xFFFFFFFF by ffmpeg, 0x7FFFF000 by SoX, 2 GiB by arecord.
_UNKNOWN_SIZE = 0x7FFF_0000
_MAX_CHUNKS = 1_000  # of a file of empty chunks, Python would read a few million a second
# Decoders of compressed sound overshoot full scale a little; integers that nobody scaled go to thousands.
_MAX_FLOAT = 4.0

_ADVICE = "convert it to 16-bit PCM, as ffmpeg -i FILE -c:a pcm_s16le clip.wav does"
_SIGNATURES = (
    (0, b"OggS", "Ogg (Vorbis or Opus)"), (0, b"fLaC", "FLAC"), (0, b"ID3", "MP3"), (4, b"ftyp", "MP4 or M4A"),
    (0, b"\x1aE\xdf\xa3", "WebM or Matroska"), (8, b"AIFF", "AIFF"), (8, b"AIFC", "AIFF"), (0, b".snd", "Sun AU"),
    (0, b"caff", "Core Audio"), (0, b"#!AMR", "AMR"), (0, b"wvpk", "WavPack"), (0, b"0&\xb2u", "Windows Media"),
    (0, b"RF64", "RF64, a wav file of 64-bit sizes"), (0, b"BW64", "BW64, a wav file of 64-bit sizes"),
    (0, b"RIFX", "RIFX, a wav file of big-endian numbers"), (8, b"AVI ", "AVI"), (8, b"WEBP", "a WebP picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"), (0, b"\x89PNG", "a PNG picture"),
)  # fmt: skip


@dataclass(frozen=True)
class Wave:
    """`samples`: float32 [n] in -1..1, of one channel; `rate`: how many a second, Hz."""

    samples: Samples
    rate: int


@dataclass(frozen=True)
class _Format:
    kind: str  # a key of _ENCODINGS
    channels: int
    rate: int
    bits: int

    @property
    def frame(self) -> int:
        """Bytes of one sample of every channel."""
        return self.channels * self.bits // 8


def read_wav(content: bytes) -> Wave:
    """The samples of a wav file: integers of 8, 16, 24 or 32 bits and floats of 32 or 64, plain or extensible.

    Integers are scaled by 2 ** (bits - 1), floats beyond -1..1 cut off; several channels become their mean. Takes
    up to seven times the memory of `content` while it reads.
    Raises BadData where the bytes are no such file, are cut short, hold no samples or floats that are no numbers, or
    are of a rate, a number of channels or a length out of RATES, CHANNELS and MAX_SECONDS.
    """
    if not (content.startswith(b"RIFF") and content[8:12] == b"WAVE"):
        raise BadData(f"not a wav file, but {_likeness(content)}; {_ADVICE}")
    form, data = None, None
    for name, size, start in _chunks(content):
        if name == b"fmt ":
            form = _format(content[start : start + min(size, 40)])
        elif name == b"data":
            data = (size, start)
            break
    if form is None:
        raise BadData(f"wav file without a format {'before its samples' if data else 'and samples'}; record it again")
    if data is None:
        raise BadData("wav file without samples (no data chunk), or cut short before them; record it again")
    frames = _frames(form, *data, len(content))
    return Wave(_mono(_decode(content, data[1], frames, form), form.channels), form.rate)


def _likeness(content: bytes) -> str:
    """What bytes that are no wav file seem to be."""
    for at, signature, name in _SIGNATURES:
        if content.startswith(signature, at):
            return name
    if len(content) >= 2 and content[0] == 0xFF and content[1] & 0xE0 == 0xE0:  # the frame sync of MPEG audio
        return "AAC" if content[1] & 0x06 == 0 else "MP3"
    return f"{len(content):,} bytes that begin with {content[:12]!r}" if content else "an empty one"


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, size and start of the chunks' contents; the size is what the file says, not what is there."""
    at = 12
    for _ in range(_MAX_CHUNKS):
        if at + 8 > len(content):
            return
        name, size = struct.unpack_from("<4sI", content, at)
        yield name, size, at + 8
        at += 8 + size + size % 2  # padded to an even length
    raise BadData(f"wav file with {_MAX_CHUNKS:,} chunks before its samples; {_ADVICE}")


def _format(chunk: bytes) -> _Format:
    if len(chunk) < 16:
        raise BadData(f"wav file whose format has {len(chunk)} bytes, expected 16 at least; record it again")
    tag, channels, rate, _, frame, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == _EXTENSIBLE:
        if len(chunk) < 40:
            raise BadData(f"extensible wav file whose format has {len(chunk)} bytes, expected 40; record it again")
        # Of samples with fewer valid bits than they take, these are the upper ones: the scale is that of all bits.
        tag = struct.unpack_from("<H", chunk, 24)[0] if chunk[26:] == _GUID else -1
    kind = {_PCM: "integers", _FLOAT: "floats"}.get(tag)
    if kind is None:
        name = _FORMATS.get(tag, f"format {tag:#06x}" if tag >= 0 else "an unknown extensible format")
        raise BadData(f"wav file of {name}, expected PCM or IEEE floats; {_ADVICE}")
    for what, value, (low, high) in (("channels", channels, CHANNELS), ("samples a second", rate, RATES)):
        if not low <= value <= high:
            raise BadData(f"wav file of {value:,} {what}, expected {low:,} to {high:,}; {_ADVICE}, with -ac or -ar")
    if bits not in _ENCODINGS[kind]:
        expected = ", ".join(map(str, _ENCODINGS[kind]))
        raise BadData(f"wav file of {kind} of {bits} bits, expected {expected}; {_ADVICE}")
    form = _Format(kind=kind, channels=channels, rate=rate, bits=bits)
    if frame != form.frame:
        raise BadData(
            f"wav file of {channels} x {bits} bits in {frame} bytes, expected {form.frame}: its header is damaged; "
            "record it again"
        )
    return form


def _frames(form: _Format, size: int, start: int, length: int) -> int:
    """How many frames the data chunk holds, which is of `size` bytes by the file of `length` bytes in all."""
    there = length - start
    if size >= _UNKNOWN_SIZE:
        size = there - there % form.frame
    if size > there:
        raise BadData(f"wav file cut short: {there:,} bytes of samples of {size:,}; record or copy it again")
    if size % form.frame:
        raise BadData(f"wav file with {size:,} bytes of samples of {form.frame} bytes each: damaged; record it again")
    frames = size // form.frame
    if not frames:
        raise BadData("wav file without samples (an empty data chunk); record it again")
    if frames > MAX_SECONDS * form.rate:
        raise BadData(
            f"wav file of {frames / form.rate:,.1f} seconds, expected {MAX_SECONDS} at most; send the part that matters"
        )
    return frames


def _decode(content: bytes, start: int, frames: int, form: _Format) -> NDArray[Any]:
    """The samples [frames * channels] as they are stored; those of 24 bits as the upper ones of 32."""
    count = frames * form.channels
    if form.bits == 24:
        wide = np.zeros((count, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(content, np.uint8, count * 3, start).reshape(count, 3)
        return wide.reshape(-1).view("<i4")
    letter = "f" if form.kind == "floats" else "u" if form.bits == 8 else "i"
    samples = np.frombuffer(content, f"<{letter}{form.bits // 8}", count, start)
    if letter == "f":
        _require_scaled(samples)
    return samples


def _require_scaled(samples: NDArray[Any]) -> None:
    finite = np.isfinite(samples).all()
    if not finite or np.abs(samples).max() > _MAX_FLOAT:
        found = f"as large as {np.abs(samples).max():g}" if finite else "that are infinite or no numbers"
        raise BadData(
            f"wav file of floats {found}, expected -1 to 1; divide them by their full scale, and save it again"
        )


def _mono(stored: NDArray[Any], channels: int) -> Samples:
    """The mean of the channels, in -1..1."""
    kind, width = stored.dtype.kind, stored.dtype.itemsize
    middle, scale = (128, 128.0) if kind == "u" else (0, 1.0 if kind == "f" else 2.0 ** (8 * width - 1))
    exact = channels == 1 and (kind, width) in (("u", 1), ("i", 2), ("f", 4))  # float32 holds all of these
    total: NDArray[Any] = np.zeros(len(stored) // channels, np.float32 if exact else np.float64)
    for channel in range(channels):  # one after the other: the same sum everywhere
        total += stored[channel::channels]
    total /= channels
    total -= middle
    total /= scale
    return np.clip(total, -1, 1, out=total).astype(np.float32, copy=False)
