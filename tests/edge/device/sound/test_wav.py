"""scipy and Python's wave module are the oracles: they write the files, and read them."""

import io
import struct
import time
import tracemalloc
import warnings
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.io import wavfile

from edge.device.errors import BadData
from edge.device.sound.wav import CHANNELS, MAX_SECONDS, RATES, Wave, read_wav

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
SCALES = {"uint8": 128, "int16": 2**15, "int32": 2**31, "float32": 1, "float64": 1}
SAMPLES = np.random.default_rng(1).integers(-(2**15), 2**15, (40, 2), dtype=np.int16)


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    head = struct.pack("<4sI", name, len(content) if size is None else size)
    return head + content + b"\0" * (len(content) % 2)


def riff(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def form(tag: int = PCM, channels: int = 1, rate: int = 8_000, bits: int = 16, frame: int | None = None) -> bytes:
    frame = channels * bits // 8 if frame is None else frame
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, (rate * frame) % 2**32, frame, bits))


def extensible(tag: int, bits: int, channels: int = 1, guid: str = "000000001000800000aa00389b71") -> bytes:
    frame = channels * bits // 8
    plain = struct.pack("<HHIIHH", EXTENSIBLE, channels, 8_000, 8_000 * frame, frame, bits)
    return chunk(b"fmt ", plain + struct.pack("<HHIH", 22, bits, 0, tag) + bytes.fromhex(guid))


def scipys(samples: np.ndarray, rate: int = 8_000) -> bytes:
    file = io.BytesIO()
    wavfile.write(file, rate, samples)
    return file.getvalue()


def modules(frames: bytes, width: int, channels: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((channels, width, 8_000, 0, "NONE", ""))
        writer.writeframes(frames)
    return file.getvalue()


def assert_is(read: Wave, expected: np.ndarray, rate: int = 8_000) -> None:
    assert (read.samples.dtype, read.samples.ndim, read.rate) == (np.float32, 1, rate)
    np.testing.assert_array_equal(read.samples, expected.astype(np.float32))


@st.composite
def recordings(draw: st.DrawFn) -> np.ndarray:
    dtype = np.dtype(draw(st.sampled_from(sorted(SCALES))))
    elements = st.floats(-1, 1, width=8 * dtype.itemsize) if dtype.kind == "f" else None
    shape = draw(st.tuples(st.integers(1, 30), st.integers(1, 4)))
    return draw(arrays(dtype, shape, elements=elements))


@given(recordings(), st.integers(*RATES))
def test_what_scipy_writes_is_read_as_the_mean_of_its_channels(recording: np.ndarray, rate: int) -> None:
    middle = 128 if recording.dtype == np.uint8 else 0
    scaled = (recording.astype(np.float64) - middle) / SCALES[recording.dtype.name]
    read = read_wav(scipys(recording, rate))
    assert (read.samples.dtype, read.rate) == (np.float32, rate)
    np.testing.assert_allclose(read.samples, scaled.mean(1), rtol=1e-6, atol=1e-9)


@given(st.integers(1, 4), st.integers(1, 3), st.binary(min_size=24, max_size=240))
def test_what_the_wave_module_writes_is_read_as_scipy_reads_it(width: int, channels: int, noise: bytes) -> None:
    content = modules(noise[: len(noise) - len(noise) % (width * channels)], width, channels)
    _, stored = wavfile.read(io.BytesIO(content))
    scale = SCALES[stored.dtype.name]  # 24 bits are the upper ones of 32
    scaled = (stored.reshape(-1, channels).astype(np.float64) - (128 if width == 1 else 0)) / scale
    np.testing.assert_allclose(read_wav(content).samples, scaled.mean(1), rtol=1e-6, atol=1e-9)


def test_scale_and_order_of_each_encoding() -> None:
    assert_is(read_wav(riff(form(bits=8), chunk(b"data", bytes([0, 128, 255])))), np.array([-1, 0, 127 / 128]))
    assert_is(read_wav(riff(form(bits=24), chunk(b"data", b"\0\0\x80\0\0\x40\1\0\0"))), np.array([-1, 0.5, 2**-23]))
    assert_is(read_wav(riff(form(bits=32), chunk(b"data", struct.pack("<2i", -(2**31), 2**30)))), np.array([-1, 0.5]))
    assert_is(read_wav(riff(form(FLOAT, bits=32), chunk(b"data", struct.pack("<2f", 0.1, -1)))), np.array([0.1, -1]))


@pytest.mark.parametrize(("tag", "bits"), [(PCM, 8), (PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32), (FLOAT, 64)])
def test_extensible_file_is_read_as_the_plain_one(tag: int, bits: int) -> None:
    data = chunk(b"data", bytes(bits))
    plain, extended = read_wav(riff(form(tag, 2, bits=bits), data)), read_wav(riff(extensible(tag, bits, 2), data))
    np.testing.assert_array_equal(plain.samples, extended.samples)


def test_sixteen_channels_become_one() -> None:
    recording = np.random.default_rng(2).integers(-(2**15), 2**15, (9, 16), dtype=np.int16)
    assert_is(read_wav(scipys(recording)), recording.mean(1) / 2**15)


def test_unknown_chunks_of_odd_length_are_skipped() -> None:
    data = chunk(b"data", SAMPLES[:, 0].tobytes())
    content = riff(
        chunk(b"LIST", b"abc"), form(), chunk(b"fact", b"1234"), chunk(b"junk", b"x"), data, chunk(b"id3 ", b"y")
    )
    assert_is(read_wav(content), SAMPLES[:, 0] / 2**15)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF000, 0x80000000])
def test_file_that_was_written_to_a_pipe_is_read_to_its_end(size: int) -> None:
    content = riff(form(channels=2), chunk(b"data", SAMPLES.tobytes() + b"\1", size))[:-1]
    assert_is(read_wav(content), SAMPLES.mean(1) / 2**15)


def test_floats_a_little_beyond_full_scale_are_cut_off() -> None:
    assert_is(read_wav(scipys(np.array([1.5, -3, 0.25], np.float32))), np.array([1, -1, 0.25]))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 5.0, -32768.0, 1e300])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_that_are_no_samples_are_refused(bad: float, dtype: type) -> None:
    with np.errstate(over="ignore"):
        content = scipys(np.array([0, bad, 0.5]).astype(dtype))
    with pytest.raises(BadData, match=r"wav file of floats .* expected -1 to 1; divide them"):
        read_wav(content)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "an empty one"),
        (b"hello", "5 bytes that begin with b'hello'"),
        (b"RIFF\x24\0\0\0", "8 bytes that begin with"),
        (b"ID3\4\0\0", "MP3"),
        (b"\xff\xfb\x90\x64", "MP3"),
        (b"\xff\xf1\x50\x80", "AAC"),
        (b"OggS\0\2", "Ogg"),
        (b"fLaC\0\0", "FLAC"),
        (b"\0\0\0\x1cftypM4A ", "MP4 or M4A"),
        (b"\x1aE\xdf\xa3\x9f", "WebM"),
        (b"FORM\0\0\0\0AIFF", "AIFF"),
        (b"RF64\xff\xff\xff\xffWAVE", "RF64"),
        (b"RIFX\0\0\0\x24WAVE", "RIFX"),
        (b"RIFF\0\0\0\0AVI ", "AVI"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    ],
)
def test_what_is_no_wav_file_is_named(content: bytes, named: str) -> None:
    with pytest.raises(BadData, match=f"not a wav file, but {named}.*; convert it to 16-bit PCM"):
        read_wav(content)


DATA = chunk(b"data", bytes(48))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (riff(form(2, bits=4), DATA), "of Microsoft ADPCM, expected PCM"),
        (riff(form(6, bits=8), DATA), "of A-law, expected PCM"),
        (riff(form(7, bits=8), DATA), "of mu-law, expected PCM"),
        (riff(form(0x11, bits=4), DATA), "of IMA ADPCM, expected PCM"),
        (riff(form(0x55, bits=0), DATA), "of MP3, expected PCM"),
        (riff(form(0x1234), DATA), "of format 0x1234, expected PCM"),
        (riff(extensible(7, 8), DATA), "of mu-law, expected PCM"),
        (riff(extensible(1, 16, guid="00" * 14), DATA), "of an unknown extensible format, expected PCM"),
        (riff(form(EXTENSIBLE), DATA), "format has 16 bytes, expected 40"),
        (riff(chunk(b"fmt ", bytes(14)), DATA), "format has 14 bytes, expected 16"),
        (riff(form(bits=12, frame=2), DATA), "integers of 12 bits, expected 8, 16, 24, 32"),
        (riff(form(bits=64), DATA), "integers of 64 bits, expected 8, 16, 24, 32"),
        (riff(form(FLOAT, bits=16), DATA), "floats of 16 bits, expected 32, 64"),
        (riff(form(channels=0), DATA), "of 0 channels, expected 1 to 16"),
        (riff(form(channels=17), DATA), "of 17 channels, expected 1 to 16"),
        (riff(form(rate=0), DATA), "of 0 samples a second, expected 4,000 to 192,000"),
        (riff(form(rate=3_999), DATA), "of 3,999 samples a second"),
        (riff(form(rate=192_001), DATA), "of 192,001 samples a second"),
        (riff(form(frame=3), DATA), "1 x 16 bits in 3 bytes, expected 2"),
        (riff(form(), chunk(b"data", b"")), r"without samples \(an empty data chunk\)"),
        (riff(form(), chunk(b"data", b"", 0xFFFFFFFF)), r"without samples \(an empty data chunk\)"),
        (riff(form(), chunk(b"data", bytes(47))), "47 bytes of samples of 2 bytes each"),
        (riff(form(), chunk(b"data", bytes(48), 50)), "cut short: 48 bytes of samples of 50"),
        (riff(form()), r"without samples \(no data chunk\)"),
        (riff(form(), chunk(b"LIST", b"ab", 1_000), DATA), "without samples"),
        (riff(DATA, form()), "without a format before its samples"),
        (riff(), "without a format and samples"),
        (riff(*[chunk(b"junk", b"")] * 1_001, form(), DATA), "1,000 chunks before its samples"),
    ],
)
def test_wav_file_that_cannot_be_read_is_refused_by_its_reason(content: bytes, message: str) -> None:
    with pytest.raises(BadData, match=message):
        read_wav(content)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", CHANNELS)
def test_bounds_are_included(rate: int, channels: int) -> None:
    assert read_wav(riff(form(channels=channels, rate=rate), chunk(b"data", bytes(32 * channels)))).rate == rate


def test_longest_recording_is_read_and_a_longer_one_refused() -> None:
    longest = bytes([128]) * (MAX_SECONDS * 4_000)
    read = read_wav(riff(form(rate=4_000, bits=8), chunk(b"data", longest)))
    assert read.samples.shape == (2_400_000,)
    assert not read.samples.any()
    with pytest.raises(BadData, match=r"of 600\.0 seconds, expected 600 at most; send the part that matters"):
        read_wav(riff(form(rate=4_000, bits=8), chunk(b"data", longest + b"\x80")))


def test_damaged_files_are_read_or_refused_and_nothing_else() -> None:
    random = np.random.default_rng(3)
    formats = [form(bits=8), form(channels=2), form(bits=24), form(FLOAT, bits=32), form(FLOAT, 3, bits=64)]
    formats += [extensible(PCM, 16), extensible(FLOAT, 32)]
    whole = [riff(chunk(b"LIST", b"abc"), each, chunk(b"data", random.bytes(96))) for each in formats]
    outcomes = {"read": 0, "refused": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(6_000):
            content = bytearray(whole[number % len(whole)])
            for at in random.integers(0, len(content), random.integers(0, 4)):
                content[at] = random.choice([0, 1, 0x7F, 0x80, 0xFF, random.integers(256)])
            del content[int(random.choice([len(content), random.integers(len(content) + 1)])) :]
            try:
                read = read_wav(bytes(content))
            except BadData:
                outcomes["refused"] += 1
            else:
                outcomes["read"] += 1
                assert np.abs(read.samples).max() <= 1
    assert min(outcomes.values()) > 500


@given(st.binary(max_size=200))
def test_any_chunks_are_read_or_refused(noise: bytes) -> None:
    for content in (riff(noise), riff(form(FLOAT, bits=32), noise), riff(form(FLOAT, bits=64), chunk(b"data", noise))):
        try:
            read_wav(content)
        except BadData as error:
            assert len(str(error)) < 300


def test_small_file_that_claims_much_takes_little() -> None:
    claims = [riff(form(channels=16, rate=192_000), chunk(b"data", b"", size)) for size in (2**31 - 2**17, 2**32 - 1)]
    empty = riff(*[chunk(b"junk", b"")] * 100_000)
    tracemalloc.start()
    start = time.perf_counter()
    for content in (*claims, empty):
        with pytest.raises(BadData):
            read_wav(content)
    seconds, (_, peak) = time.perf_counter() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000
    assert seconds < 0.5


@pytest.mark.parametrize(
    "content",
    [scipys(np.tile(SAMPLES, (5_000, 1))), scipys(np.full((200_000, 2), 128, np.uint8)), modules(bytes(600_000), 3, 1)],
)
def test_reading_takes_seven_times_the_memory_of_the_file_at_most(content: bytes) -> None:
    tracemalloc.start()
    read_wav(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 7 * len(content)
