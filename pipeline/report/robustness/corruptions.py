"""Common corruptions of pictures, each at five severities.

Noise, blur, JPEG, brightness and contrast are those of D. Hendrycks and T. Dietterich, "Benchmarking Neural Network
Robustness to Common Corruptions and Perturbations", ICLR 2019, with the strengths of their CIFAR-10-C for small
pictures and of their ImageNet-C for larger ones (repository hendrycks/robustness: make_cifar_c.py, corruptions.py).
Occlusion and rotation are ours. A picture is corrupted alike whenever it is, and beside whichever others.
"""

import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SEVERITIES = (1, 2, 3, 4, 5)
SMALL_SIDE = 64  # pixels: up to here the strengths of CIFAR-10-C (32), above those of ImageNet-C (224)

Pictures = NDArray[np.uint8]
Floats = NDArray[np.float32]
Strengths = tuple[float, float, float, float, float]
Generators = list[np.random.Generator]


@dataclass(frozen=True, kw_only=True)
class Corruption:
    """`apply` changes float32 pictures [n, h, w, c] of 0..255 by a strength, which `unit` explains, with one generator
    of random numbers for each picture; `small` and `large` are the strengths at the five severities. `side`: strengths
    are in pixels of pictures of those sides, small and large, and grow with the picture."""

    apply: Callable[[Floats, float, Generators], Floats]
    unit: str
    small: Strengths
    large: Strengths
    side: tuple[int, int] | None = None


def corrupt(name: str, pictures: Pictures, severity: int, numbers: NDArray[np.int64]) -> Pictures:
    """The pictures, uint8 [n, h, w, c], with the corruption `name` of CORRUPTIONS at `severity`, 1 to 5.

    `numbers` [n] seed what is random, one for each picture.
    """
    corruption = CORRUPTIONS[name]
    strength = strengths(name, min(pictures.shape[1:3]))[severity - 1]
    kind = zlib.crc32(name.encode())
    generators = [np.random.default_rng((kind, severity, int(number))) for number in numbers]
    changed = corruption.apply(pictures.astype(np.float32), strength, generators)
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8)


def strengths(name: str, side: int) -> Strengths:
    """The strengths of CORRUPTIONS[name] at the five severities, for pictures of `side` pixels."""
    corruption, small = CORRUPTIONS[name], side <= SMALL_SIDE
    plain = corruption.small if small else corruption.large
    if corruption.side is None:
        return plain
    # Never weaker than published: a blur of a tenth of a pixel would be none.
    scale = max(1.0, side / corruption.side[0]) if small else side / corruption.side[1]
    first, second, third, fourth, fifth = (each * scale for each in plain)
    return first, second, third, fourth, fifth


def _noise(pictures: Floats, deviation: float, generators: Generators) -> Floats:
    noise = np.stack([each.standard_normal(pictures.shape[1:], np.float32) for each in generators])
    return pictures + np.float32(255 * deviation) * noise


def _blur(pictures: Floats, sigma: float, _: Generators) -> Floats:
    from scipy.ndimage import gaussian_filter

    # mode and truncate: those of skimage.filters.gaussian, which the paper's code calls.
    blurred: Floats = gaussian_filter(pictures, (0, sigma, sigma, 0), mode="nearest", truncate=4.0)
    return blurred


def _jpeg(pictures: Floats, quality: float, _: Generators) -> Floats:
    grey = pictures.shape[-1] == 1
    decoded = []
    for picture in pictures.astype(np.uint8):
        file = io.BytesIO()
        Image.fromarray(picture[..., 0] if grey else picture).save(file, "JPEG", quality=int(quality))
        with Image.open(file) as image:
            decoded.append(np.asarray(image, np.float32).reshape(picture.shape))
    return np.stack(decoded)


def _brightness(pictures: Floats, shift: float, _: Generators) -> Floats:
    """Adds to V of HSV, and leaves H and S: that scales the channels of a pixel alike."""
    value = pictures.max(axis=-1, keepdims=True)
    shifted = np.minimum(value + np.float32(255 * shift), 255)
    black = value == 0
    brighter: Floats = np.where(black, shifted, pictures * (shifted / np.where(black, 1, value)))
    return brighter


def _contrast(pictures: Floats, factor: float, _: Generators) -> Floats:
    means: Floats = pictures.mean(axis=(1, 2), keepdims=True)
    return means + np.float32(factor) * (pictures - means)


def _occlusion(pictures: Floats, share: float, generators: Generators) -> Floats:
    """A grey square wholly inside the picture."""
    height, width = pictures.shape[1:3]
    side = max(1, round(share * min(height, width)))
    hidden = pictures.copy()
    for picture, random in zip(hidden, generators, strict=True):
        top, left = random.integers(0, (height - side + 1, width - side + 1))
        picture[top : top + side, left : left + side] = 128
    return hidden


def _rotation(pictures: Floats, degrees: float, generators: Generators) -> Floats:
    """Half of the pictures to the left, half to the right; corners are filled with the nearest pixel of the edge."""
    from scipy.ndimage import rotate

    left = np.array([random.random() < 0.5 for random in generators])
    turned = np.empty_like(pictures)
    for members, angle in ((left, degrees), (~left, -degrees)):
        if members.any():
            turned[members] = rotate(pictures[members], angle, axes=(2, 1), reshape=False, order=1, mode="nearest")
    return turned


# What breaks cameras first, then what transmission, light and the scene do.
CORRUPTIONS: dict[str, Corruption] = {
    "noise": Corruption(
        apply=_noise,
        unit="standard deviation of Gaussian noise, of full scale",
        small=(0.04, 0.06, 0.08, 0.09, 0.10),
        large=(0.08, 0.12, 0.18, 0.26, 0.38),
    ),
    "blur": Corruption(
        apply=_blur,
        unit="sigma of a Gaussian blur, pixels",
        small=(0.4, 0.6, 0.7, 0.8, 1.0),
        large=(1.0, 2.0, 3.0, 4.0, 6.0),
        side=(32, 224),
    ),
    "JPEG": Corruption(
        apply=_jpeg,
        unit="quality of the JPEG encoder",
        small=(80, 65, 58, 50, 40),
        large=(25, 18, 15, 10, 7),
    ),
    "brightness": Corruption(
        apply=_brightness,
        unit="added to the value of HSV, of full scale",
        small=(0.05, 0.10, 0.15, 0.20, 0.30),
        large=(0.1, 0.2, 0.3, 0.4, 0.5),
    ),
    "contrast": Corruption(
        apply=_contrast,
        unit="share of the contrast that is left",
        small=(0.75, 0.50, 0.40, 0.30, 0.15),
        large=(0.40, 0.30, 0.20, 0.10, 0.05),
    ),
    "occlusion": Corruption(
        apply=_occlusion,
        unit="side of a grey square, of the picture's side",
        small=(0.2, 0.3, 0.4, 0.5, 0.6),
        large=(0.2, 0.3, 0.4, 0.5, 0.6),
    ),
    "rotation": Corruption(
        apply=_rotation,
        unit="degrees, to the left or the right",
        small=(5, 10, 15, 20, 30),
        large=(5, 10, 15, 20, 30),
    ),
}
