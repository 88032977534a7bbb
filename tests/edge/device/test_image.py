"""Pillow is the oracle: what it decodes and how it resizes, one axis at a time."""

import io
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edge.device.contract import Input
from edge.device.errors import BadData
from edge.device.image import FORMATS, _resize_with_numpy, decode, fit, read_image, resize

NOISE = np.random.default_rng(1).integers(0, 256, (13, 17, 3), dtype=np.uint8)
PICTURE = Image.fromarray(NOISE)


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def blocks(*colours: tuple[int, ...], mode: str = "RGB") -> Image.Image:
    """Four fields of 16 x 16 pixels in a square: large enough that JPEG keeps their colours."""
    picture = Image.new(mode, (32, 32))
    for at, colour in enumerate(colours):
        picture.paste(colour, (at % 2 * 16, at // 2 * 16, at % 2 * 16 + 16, at // 2 * 16 + 16))
    return picture


FIELDS = blocks((250, 10, 10), (10, 250, 10), (10, 10, 250), (200, 200, 200))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_decode_is_exact_for_lossless_formats(kind):
    assert np.array_equal(decode(encoded(PICTURE, kind), "RGB"), NOISE)


def test_decode_is_exact_for_lossless_webp():
    assert np.array_equal(decode(encoded(PICTURE, "WEBP", lossless=True), "RGB"), NOISE)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
def test_decode_gives_grey_as_pillow_does(kind):
    content = encoded(PICTURE, kind)
    expected = np.asarray(Image.open(io.BytesIO(content)).convert("L"))[..., None]
    assert np.array_equal(decode(content, "GREY"), expected)
    assert decode(content, "GREY").shape == (13, 17, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_decode_turns_upright_by_every_exif_orientation(orientation):
    turns = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: np.swapaxes(a, 0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
        8: lambda a: np.rot90(a, 1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(decode(encoded(PICTURE, "PNG", exif=exif), "RGB"), turns[orientation](NOISE))


@pytest.mark.parametrize("progressive", [False, True])
def test_decode_reads_cmyk_jpeg_that_adobe_wrote_inverted(progressive):
    cmyk = blocks((0, 255, 255, 0), (255, 0, 255, 0), (255, 255, 0, 0), (0, 0, 0, 200), mode="CMYK")
    content = encoded(cmyk, "JPEG", quality=95, progressive=progressive)
    assert b"Adobe" in content[:200]  # Pillow writes CMYK as Adobe does, inverted and marked so
    pixels = decode(content, "RGB").astype(int)
    for at, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255), (55, 55, 55)]):
        assert np.abs(pixels[at // 2 * 16 + 8, at % 2 * 16 + 8] - colour).max() < 12


def test_decode_scales_16_bit_grey_to_8_bits():
    values = np.array([[0, 128, 129, 257, 32768, 65406, 65407, 65535]], np.uint16)
    pixels = decode(encoded(Image.fromarray(values), "PNG"), "GREY")
    # 257 codes to a byte, rounded to the nearest: 128 / 257 is below a half, 129 / 257 above.
    assert pixels.ravel().tolist() == [0, 0, 1, 1, 128, 254, 255, 255]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_decode_reads_16_bit_grey_alike_in_every_format(kind):
    values = np.arange(0, 65536, 97, dtype=np.uint16).reshape(26, 26)
    expected = np.floor(values / 257 + 0.5).astype(np.uint8)
    assert np.array_equal(decode(encoded(Image.fromarray(values), kind), "GREY")[..., 0], expected)


@pytest.mark.parametrize("values", [np.float32([[0.0, 0.5]]), np.int32([[0, 70_000]]), np.int32([[-1, 5]])])
def test_decode_refuses_grey_values_without_a_known_full_scale(values):
    with pytest.raises(BadData, match="save the picture with 8 or 16 bits"):
        decode(encoded(Image.fromarray(values), "TIFF"), "GREY")


def test_decode_lays_a_transparent_palette_on_white():
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putpixel((1, 0), 1)
    pixels = decode(encoded(picture, "PNG", transparency=0), "RGB")
    assert pixels.tolist() == [[[255, 255, 255], [0, 0, 255]]]


def test_decode_lays_grey_with_alpha_on_white():
    picture = Image.fromarray(np.array([[[100, 255], [100, 0], [0, 128]]], np.uint8), "LA")
    assert decode(encoded(picture, "PNG"), "GREY").ravel().tolist() == [100, 255, 127]


def test_decode_lays_half_transparent_colour_on_white():
    picture = Image.new("RGBA", (1, 1), (0, 255, 0, 128))
    assert np.abs(decode(encoded(picture, "PNG"), "RGB").ravel().astype(int) - (127, 255, 127)).max() <= 1


def test_decode_reads_one_bit_pictures_as_black_and_white():
    picture = Image.fromarray(np.array([[True, False, True]]))
    assert picture.mode == "1"
    assert decode(encoded(picture, "PNG"), "GREY").ravel().tolist() == [255, 0, 255]


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_decode_takes_the_first_frame_of_an_animation(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "lime")]
    content = encoded(
        frames[0], kind, save_all=True, append_images=frames[1:], **({"lossless": True} if kind == "WEBP" else {})
    )
    assert (decode(content, "RGB") == (255, 0, 0)).all()


def test_decode_takes_the_first_picture_of_an_mpo_of_a_phone():
    content = encoded(FIELDS, "MPO", save_all=True, append_images=[FIELDS.rotate(90)], quality=95)
    assert np.abs(decode(content, "RGB").astype(int) - np.asarray(FIELDS))[8::16, 8::16].max() < 8


@pytest.mark.parametrize("content", [b"", b"a text, named .jpg", b"\x00" * 100, b"%PDF-1.7", b"\x7fELF"])
def test_decode_refuses_what_is_no_picture(content):
    with pytest.raises(BadData, match="not a picture; expected JPEG, PNG"):
        decode(content, "RGB")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_decode_refuses_a_picture_cut_in_half(kind):
    content = encoded(Image.effect_noise((64, 64), 80).convert("RGB"), kind)
    with pytest.raises(BadData, match=r"damaged picture|not a picture"):
        decode(content[: len(content) // 2], "RGB")


def test_decode_refuses_more_than_50_million_pixels():
    picture = Image.new("1", (10_000, 5_001))
    with pytest.raises(BadData, match=r"10000 x 5001 pixels; at most 50,000,000 are decoded"):
        decode(encoded(picture, "PNG"), "GREY")


SEEDS = [encoded(PICTURE, kind) for kind in FORMATS] + [
    encoded(PICTURE, "TIFF", compression="tiff_lzw"),
    encoded(PICTURE.convert("P"), "PNG", transparency=3),
    encoded(PICTURE, "JPEG", progressive=True),
]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=8))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_decode_answers_damaged_bytes_with_pixels_or_bad_data(content, changes):
    damaged = bytearray(content)
    for position, value in changes:
        damaged[position % len(damaged)] = value
    try:
        pixels = decode(bytes(damaged), "RGB")
    except BadData:
        return
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3


def test_decode_answers_alike_from_several_threads():
    contents = [encoded(PICTURE.rotate(turn), "PNG") for turn in range(0, 360, 9)]
    alone = [decode(content, "RGB") for content in contents]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda content: decode(content, "RGB"), contents))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


SIDE = st.integers(1, 70)


@settings(max_examples=300, deadline=None)
@given(SIDE, SIDE, SIDE, SIDE, st.sampled_from([1, 3]), st.integers(0, 2**32 - 1))
def test_resize_equals_two_single_axis_resizes_of_pillow(rows, columns, height, width, channels, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (rows, columns, channels), dtype=np.uint8)
    picture = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    wide = picture.resize((width, rows), Image.Resampling.BILINEAR)
    expected = np.asarray(wide.resize((width, height), Image.Resampling.BILINEAR)).reshape(height, width, channels)
    assert np.array_equal(resize(pixels, height, width), expected)
    assert np.array_equal(_resize_with_numpy(pixels, height, width), expected)


@pytest.mark.parametrize(("rows", "columns"), [(1080, 1920), (1, 2000), (700, 3)])
def test_resize_equals_pillow_for_large_pictures(rows, columns):
    pixels = np.random.default_rng(2).integers(0, 256, (rows, columns, 3), dtype=np.uint8)
    wide = Image.fromarray(pixels).resize((96, rows), Image.Resampling.BILINEAR)
    expected = np.asarray(wide.resize((96, 64), Image.Resampling.BILINEAR))
    assert np.array_equal(resize(pixels, 64, 96), expected)
    assert np.array_equal(_resize_with_numpy(pixels, 64, 96), expected)


def test_resize_does_without_pillow():
    program = (
        "import sys; sys.modules['PIL'] = None\n"
        "import numpy as np\nfrom edge.device.image import resize\n"
        "print(resize(np.arange(48, dtype=np.uint8).reshape(4, 4, 3), 2, 2).ravel().tolist())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert done.stdout.strip() == str(resize(picture, 2, 2).ravel().tolist())


def test_resize_by_numpy_takes_little_memory_for_a_large_picture():
    picture = np.zeros((3000, 4000, 3), np.uint8)
    tracemalloc.start()
    _resize_with_numpy(picture, 8, 8)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * picture.nbytes  # it was 24 times as much, a band of the whole picture in float64


@given(SIDE, SIDE, SIDE, SIDE, st.integers(0, 255))
@settings(deadline=None)
def test_resize_keeps_a_uniform_picture(rows, columns, height, width, value):
    assert (resize(np.full((rows, columns, 1), value, np.uint8), height, width) == value).all()


def test_resize_to_its_own_size_changes_nothing():
    assert np.array_equal(resize(NOISE, 13, 17), NOISE)


@given(SIDE, SIDE, SIDE, SIDE, st.sampled_from(["stretch", "crop", "pad"]))
@settings(deadline=None)
def test_fit_always_gives_the_wanted_shape(rows, columns, height, width, rule):
    pixels = np.full((rows, columns, 3), 9, np.uint8)
    assert fit(pixels, height, width, rule).shape == (height, width, 3)


def test_fit_crop_keeps_the_centre():
    pixels = np.zeros((4, 8, 1), np.uint8)
    pixels[:, 2:6] = 200
    assert (fit(pixels, 4, 4, "crop") == 200).all()


def test_fit_pad_keeps_all_and_fills_with_black():
    pixels = np.full((4, 8, 1), 200, np.uint8)
    padded = fit(pixels, 8, 8, "pad")[..., 0]
    assert (padded[2:6] == 200).all()
    assert not padded[:2].any()
    assert not padded[6:].any()


def test_read_image_obeys_the_contract():
    contract = Input(shape=(1, 6, 9, 1), colour="GREY", resize="crop", scale=1 / 128, zero_point=128)
    pixels = read_image(encoded(PICTURE, "PNG"), contract)
    assert np.array_equal(pixels, fit(decode(encoded(PICTURE, "PNG"), "GREY"), 6, 9, "crop"))
