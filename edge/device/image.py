"""From the bytes of a picture to the model's input. Training, evaluation, serving and devices all go through here."""

import io
import math
import warnings
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import Input
from edge.device.errors import BadData

Pixels = NDArray[np.uint8]

MAX_PIXELS = 50_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")

# Fixed-point weights with 22 fractional bits, as Pillow uses for 8-bit pictures (src/libImaging/Resample.c).
_WEIGHT_ONE = 1 << 22


def read_image(content: bytes, contract: Input) -> Pixels:
    """Decode a picture and bring it to the input of `contract`: uint8 of shape [height, width, channels].

    Raises BadData where the bytes are no picture, are cut short, or hold more than 50 million pixels.
    """
    _, height, width, _ = contract.shape
    return fit(decode(content, contract.colour), height, width, contract.resize)


def decode(content: bytes, colour: str) -> Pixels:
    """Decode to uint8 [height, width, 3] where `colour` is "RGB", [height, width, 1] where it is "GREY".

    Turned upright by its EXIF orientation; transparent parts laid on white; 16-bit grey scaled to 8 bits; CMYK and
    palettes converted; of an animation, the first frame.
    Raises BadData where the bytes are no picture, are cut short, or hold more than 50 million pixels.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # Pillow's own, lower alarm; ours is the bound below, checked before a pixel is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise BadData(
                        f"picture of {picture.width} x {picture.height} pixels; at most {MAX_PIXELS:,} are decoded; "
                        "scale it down first"
                    )
                upright = ImageOps.exif_transpose(picture)
                flat = _flatten(upright).convert("RGB" if colour == "RGB" else "L")
    except UnidentifiedImageError:
        raise BadData("not a picture; expected " + ", ".join(FORMATS)) from None
    except Image.DecompressionBombError as error:
        raise BadData(f"{error}; scale it down first") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
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

    A triangle filter widened by the scale, first along the width and then along the height, each pass rounded to uint8
    and equal to Pillow's BILINEAR to the bit. In numpy, so that a device without Pillow sees the same numbers, and in
    an order of its own: Pillow chooses which pass comes first by version and size.
    """
    rows, columns, channels = pixels.shape
    if columns != width:
        wide = pixels.transpose(1, 0, 2).reshape(columns, -1)
        pixels = _filter(wide, width).reshape(width, rows, channels).transpose(1, 0, 2)
    if rows != height:
        pixels = _filter(pixels.reshape(rows, -1), height).reshape(height, width, channels)
    return np.ascontiguousarray(pixels)


def _filter(lines: Pixels, size: int) -> Pixels:
    # float64 holds these integer products exactly (below 2**53) and lets BLAS do the sums.
    total = _weights(lines.shape[0], size) @ lines.astype(np.float64)
    return np.clip(np.floor(total / _WEIGHT_ONE + 0.5), 0, 255).astype(np.uint8)


@lru_cache(maxsize=64)
def _weights(source: int, size: int) -> NDArray[np.float64]:
    """Whole-number weights [size, source] of a triangle filter, each row summing to about 2**22."""
    scale = source / size
    reach = max(scale, 1.0)
    matrix = np.zeros((size, source))
    for index in range(size):
        centre = (index + 0.5) * scale
        first = max(0, int(centre - reach + 0.5))
        last = min(source, int(centre + reach + 0.5))
        row = [max(0.0, 1.0 - abs((at - centre + 0.5) / reach)) for at in range(first, last)]
        total = sum(row)
        matrix[index, first:last] = [math.floor(weight / total * _WEIGHT_ONE + 0.5) for weight in row]
    return matrix


def _centre(pixels: Pixels, height: int, width: int) -> Pixels:
    rows, columns = pixels.shape[:2]
    scale = min(rows / height, columns / width)
    keep_rows, keep_columns = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (rows - keep_rows) // 2, (columns - keep_columns) // 2
    return pixels[top : top + keep_rows, left : left + keep_columns]


def _flatten(picture: "Image.Image") -> "Image.Image":  # noqa: F821 - Pillow is imported where it is used
    """A picture of 8 bits a channel without transparency."""
    from PIL import Image

    if picture.mode.startswith(("I", "F")):
        values = np.asarray(picture, np.float64)
        # 16-bit grey: full scale is 65535, whatever the picture's own range.
        return Image.fromarray(np.clip(values / 257 + 0.5, 0, 255).astype(np.uint8), "L")
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture.convert("RGBA"))
    return picture
