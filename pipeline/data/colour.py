"""Grey to RGB and back for pictures that come as arrays, as `edge.device.image.decode` does it for files."""

import numpy as np
from numpy.typing import NDArray

# ITU-R 601 luma in 16 fractional bits, as Pillow's convert("L") has it (src/libImaging/Convert.c).
_LUMA = np.array([19595, 38470, 7471], np.uint32)


def in_colour(pixels: NDArray[np.uint8], colour: str) -> NDArray[np.uint8]:
    """Bring uint8 [h, w, 1 or 3] to [h, w, 3] where `colour` is "RGB", to [h, w, 1] where it is "GREY"."""
    channels = pixels.shape[-1]
    if colour == "RGB":
        return np.repeat(pixels, 3, axis=-1) if channels == 1 else pixels
    if channels == 1:
        return pixels
    luma = (pixels.astype(np.uint32) @ _LUMA + 0x8000) >> 16
    return luma.astype(np.uint8)[..., None]


def channels_of(colour: str) -> int:
    """Channels of a picture in `colour`: 3 for "RGB", 1 for "GREY"."""
    return 3 if colour == "RGB" else 1
