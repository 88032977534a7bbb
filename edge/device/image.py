"""From the bytes of a picture to the model's input. Training, evaluation, serving and devices all go through here."""

from __future__ import annotations

import io
import math
import struct
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import Input
from edge.device.errors import BadData

if TYPE_CHECKING:  # a device that is given decoded pixels needs no Pillow
    from PIL import Image

Pixels = NDArray[np.uint8]

MAX_PIXELS = 50_000_000
# JPEG includes MPO, the several pictures in one file of some phones, of which the first is read.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")


@dataclass(frozen=True)
class Bounds:
    """Which pictures are decoded at all: file formats, the pixels of a side and of the whole, both ends included.

    `scans`: of a progressive JPEG, each of which costs a pass over all its pixels; None for as many as it has.
    """

    formats: tuple[str, ...] = FORMATS
    side: tuple[int, int] = (1, MAX_PIXELS)
    pixels: int = MAX_PIXELS
    scans: int | None = None

    def check(self, content: bytes, width: int, height: int) -> None:
        """Raise BadData where the picture in `content`, of `width` x `height` pixels, is out of bounds."""
        # No byte pair of JPEG's compressed data is that of "start of scan" (ITU-T T.81, B.1.1.5).
        if self.scans is not None and content.count(b"\xff\xda") > self.scans and content.startswith(b"\xff\xd8"):
            raise BadData(f"JPEG of more than {self.scans} scans; save it again, as a usual JPEG")
        smallest, largest = self.side
        if width * height > self.pixels:
            raise BadData(
                f"picture of {width} x {height} pixels; at most {self.pixels:,} are decoded; scale it down first"
            )
        if not (smallest <= width <= largest and smallest <= height <= largest):
            raise BadData(
                f"picture of {width} x {height} pixels; expected {smallest:,} to {largest:,} a side; send another one"
            )


ANY = Bounds()

# What Pillow raises for damaged files, by format; all but the first three come from TIFF headers and EXIF blocks.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError, ArithmeticError, struct.error)

# Fixed-point weights with 22 fractional bits, as Pillow uses for 8-bit pictures (src/libImaging/Resample.c).
_WEIGHT_ONE = 1 << 22

# Lines of output computed at a time: few enough that each block reads a narrow band of a large picture.
_BLOCK = 16
_STRIP = 2**19  # numbers of a band that are held as float64 at a time, 4 MiB


def read_image(content: bytes, contract: Input) -> Pixels:
    """Decode a picture and bring it to the input of `contract`: uint8 of shape [height, width, channels].

    Raises BadData where the bytes are no picture, are cut short, or hold more than 50 million pixels.
    """
    height, width, _ = contract.picture
    return fit(decode(content, contract.colour), height, width, contract.resize)


def decode(content: bytes, colour: str, bounds: Bounds = ANY) -> Pixels:
    """Decode to uint8 [height, width, 3] where `colour` is "RGB", [height, width, 1] where it is "GREY".

    Turned upright by its EXIF orientation; transparent parts laid on white; 16-bit grey scaled to 8 bits, 65535 to 255;
    CMYK and palettes converted; of an animation, the first frame. Safe to call from several threads.
    Raises BadData where the bytes are no picture, are cut short, are out of `bounds`, or hold grey values that are not
    of 8 or 16 bits.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=bounds.formats) as picture:
            # Before a pixel is decoded, and below the bounds at which Pillow warns and refuses.
            bounds.check(content, picture.width, picture.height)
            upright = ImageOps.exif_transpose(picture)
            flat = _flatten(upright).convert("RGB" if colour == "RGB" else "L")
    except UnidentifiedImageError:
        raise BadData("not a picture; expected " + ", ".join(bounds.formats)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadData(
            f"picture too large: {error} At most {bounds.pixels:,} are decoded; scale it down first"
        ) from None
    except _DAMAGE as error:
        raise BadData(f"damaged picture ({error}); remove it or save it again") from None
    return np.asarray(flat, np.uint8).reshape(flat.height, flat.width, -1)


def fit(pixels: Pixels, height: int, width: int, rule: str) -> Pixels:
    """Bring uint8 [h, w, c] to [height, width, c].

    `rule`: "stretch" scales both sides; "crop" keeps the largest centred part of the right shape; "pad" keeps all and
    fills the rest with black.
    """
    if rule == "crop":
        return resize(_centre(pixels, height, width), height, width)
    if rule == "pad":
        scale = min(height / pixels.shape[0], width / pixels.shape[1])
        inner = resize(pixels, max(1, round(pixels.shape[0] * scale)), max(1, round(pixels.shape[1] * scale)))
        canvas = np.zeros((height, width, pixels.shape[2]), np.uint8)
        top, left = (height - inner.shape[0]) // 2, (width - inner.shape[1]) // 2
        canvas[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
        return canvas
    return resize(pixels, height, width)


def resize(pixels: Pixels, height: int, width: int) -> Pixels:
    """Antialiased bilinear resize of uint8 [h, w, c] to [height, width, c].

    A triangle filter widened by the scale, first along the width and then along the height, each pass rounded to uint8.
    Pillow's BILINEAR does it where it is installed, a pass at a time as it chooses their order by version and size;
    numpy does it elsewhere, equal to the bit.
    """
    passes = _resize_with_pillow if pixels.shape[2] in (1, 3) and _has_pillow() else _resize_with_numpy
    return np.ascontiguousarray(passes(pixels, height, width))


@cache
def _has_pillow() -> bool:
    return find_spec("PIL") is not None


def _resize_with_pillow(pixels: Pixels, height: int, width: int) -> Pixels:
    from PIL import Image

    picture = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0])
    wide = picture.resize((width, picture.height), Image.Resampling.BILINEAR)
    return np.asarray(wide.resize((width, height), Image.Resampling.BILINEAR)).reshape(height, width, -1)


def _resize_with_numpy(pixels: Pixels, height: int, width: int) -> Pixels:
    if pixels.shape[1] != width:
        pixels = _filter(pixels.transpose(1, 0, 2), width).transpose(1, 0, 2)
    if pixels.shape[0] != height:
        pixels = _filter(pixels, height)
    return pixels


def _filter(lines: Pixels, size: int) -> Pixels:
    """Filter uint8 [n, m, c] along its first axis to [size, m, c]."""
    source, *line = lines.shape
    matrix, first, last = _weights(source, size)
    filtered = np.empty((size, *line), np.uint8)
    for start in range(0, size, _BLOCK):
        stop = min(start + _BLOCK, size)
        low, high = first[start], last[stop - 1]
        # A strip at a time: a device has no gigabyte for a large picture in float64.
        step = max(1, _STRIP // (line[1] * (high - low)))
        for left in range(0, line[0], step):
            # float64 holds these integer products exactly (below 2**53) and lets BLAS do the sums.
            strip = lines[low:high, left : left + step].reshape(high - low, -1).astype(np.float64)
            total = matrix[start:stop, low:high] @ strip
            rounded = np.clip(np.floor(total / _WEIGHT_ONE + 0.5), 0, 255)
            filtered[start:stop, left : left + step] = rounded.reshape(stop - start, -1, line[1])
    return filtered


@lru_cache(maxsize=64)
def _weights(source: int, size: int) -> tuple[NDArray[np.float64], list[int], list[int]]:
    """Whole-number weights [size, source] of a triangle filter, each row summing to about 2**22.

    And for each row the first column that it uses, and the one behind the last.
    """
    scale = source / size
    reach = max(scale, 1.0)
    matrix = np.zeros((size, source))
    firsts, lasts = [], []
    for index in range(size):
        centre = (index + 0.5) * scale
        first = max(0, int(centre - reach + 0.5))
        last = min(source, int(centre + reach + 0.5))
        row = [max(0.0, 1.0 - abs((at - centre + 0.5) / reach)) for at in range(first, last)]
        total = sum(row)
        matrix[index, first:last] = [math.floor(weight / total * _WEIGHT_ONE + 0.5) for weight in row]
        firsts.append(first)
        lasts.append(last)
    return matrix, firsts, lasts


def _centre(pixels: Pixels, height: int, width: int) -> Pixels:
    rows, columns = pixels.shape[:2]
    scale = min(rows / height, columns / width)
    keep_rows, keep_columns = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (rows - keep_rows) // 2, (columns - keep_columns) // 2
    return pixels[top : top + keep_rows, left : left + keep_columns]


def _flatten(picture: Image.Image) -> Image.Image:
    """A picture of 8 bits a channel without transparency."""
    from PIL import Image

    if picture.mode.startswith(("I", "F")):
        values = np.asarray(picture)
        if picture.mode == "F" or values.min() < 0 or values.max() > 65535:
            raise BadData(f"grey values of {values.min():g}..{values.max():g}; save the picture with 8 or 16 bits")
        # 16-bit grey: full scale is 65535, whatever the picture's own range; a half is rounded up.
        return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture.convert("RGBA"))
    return picture
