"""The pictures that a device is given: files, folders, raw frames; each brought to the model's input."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edge.device.contract import Input
from edge.device.errors import BadData
from edge.device.image import Pixels, decode, fit

# Of folders: other files are no pictures, and nobody named them.
_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
_RAW_SUFFIXES = (".bin", ".raw", ".rgb")


@dataclass(frozen=True)
class Frame:
    """The model's input, uint8 [h, w, c], with the seconds that each step took; or None, and why there is none."""

    source: str
    pixels: Pixels | None
    seconds: dict[str, float]
    error: str = ""


def frames_of(paths: Iterable[Path], contract: Input, *, raw: bool) -> Iterator[Frame]:
    """The pictures of files and, by name in order, of all in folders; `raw`: each file holds frames back to back."""
    for path in paths:
        for file in files_of(path, raw=raw):
            if raw:
                yield from _frames_of_file(file, contract)
            else:
                yield frame_of(str(file), file, contract)


def files_of(path: Path, *, raw: bool = False) -> list[Path]:
    """`path` itself, or the pictures anywhere in the folder; those whose names begin with a dot are left aside."""
    if not path.is_dir():
        return [path]
    suffixes = _RAW_SUFFIXES if raw else _SUFFIXES
    return sorted(
        each
        for each in path.rglob("*")
        if each.suffix.lower() in suffixes and each.is_file() and not each.name.startswith(".")
    )


def frame_of(source: str, file: Path, contract: Input) -> Frame:
    """One file's picture."""
    height, width, _ = contract.picture
    try:
        start = time.perf_counter()
        decoded = decode(file.read_bytes(), contract.colour)
        middle = time.perf_counter()
        pixels = fit(decoded, height, width, contract.resize)
    except OSError as error:
        return Frame(source, None, {}, error.strerror or str(error))
    except BadData as error:
        return Frame(source, None, {}, str(error))
    except ImportError:
        return Frame(source, None, {}, "cannot be decoded: the package pillow is missing; pip install pillow, or --raw")
    return Frame(source, pixels, {"decode": middle - start, "resize": time.perf_counter() - middle})


def frames_of_stream(stream: IO[bytes], source: str, contract: Input) -> Iterator[Frame]:
    """Frames of exactly the bytes of the contract's picture, back to back, until the stream ends."""
    import numpy as np

    height, width, channels = contract.picture
    size, number = height * width * channels, 0
    while content := _read(stream, size):
        name = f"{source}:{number}"
        if len(content) == size:
            yield Frame(name, np.frombuffer(content, np.uint8).reshape(height, width, channels), {})
        else:
            expected = f"a frame of {height} x {width} x {channels} has {size:,}"
            yield Frame(name, None, {}, f"{len(content):,} bytes are left, {expected}")
        number += 1


def _frames_of_file(file: Path, contract: Input) -> Iterator[Frame]:
    try:
        with file.open("rb") as stream:
            yield from frames_of_stream(stream, str(file), contract)
    except OSError as error:
        yield Frame(str(file), None, {}, error.strerror or str(error))


def _read(stream: IO[bytes], size: int) -> bytes:
    """`size` bytes, or fewer where the stream ends: a pipe brings them in pieces."""
    parts, missing = [], size
    while missing and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
