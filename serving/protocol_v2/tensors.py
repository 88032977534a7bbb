"""Tensors as the protocol writes them: numbers in JSON, or bytes behind it."""

import math
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import Refused

Pixels = NDArray[np.uint8]


def pixels_from_bytes(body: bytes, start: int, shape: tuple[int, ...]) -> Pixels:
    """uint8 of `shape` over the bytes of `body` from `start` to its end, row major; not copied, read-only.

    Raises Refused 400 where they are more or fewer than the shape has.
    """
    found, expected = len(body) - start, math.prod(shape)
    if found != expected:
        raise Refused(
            400, f"body: {found:,} bytes of tensor data; expected {expected:,}, one for each element of {list(shape)}"
        )
    return np.frombuffer(body, np.uint8, expected, start).reshape(shape)


def pixels_from_numbers(data: Any, shape: tuple[int, ...], where: str) -> Pixels:
    """uint8 of `shape` from `data`, whole numbers of 0 to 255 in one list, or in lists nested as the shape.

    Raises Refused 400 for anything else.
    """
    if type(data) is not list:
        raise Refused(400, f"{where}: no list; expected {math.prod(shape):,} numbers, flat or nested as {list(shape)}")
    numbers = _unnested(data, shape, where) if data and type(data[0]) is list else data
    if len(numbers) != math.prod(shape):
        raise Refused(
            400, f"{where}: {len(numbers):,} numbers; expected {math.prod(shape):,}, the elements of {list(shape)}"
        )
    # Types first: True would pass for 1, and numpy would make strings of everything where there is one.
    if set(map(type, numbers)) != {int}:
        raise Refused(400, f"{where}: not whole numbers alone; expected 0 to 255, as UINT8 has")
    try:
        flat = bytes(numbers)
    except (ValueError, OverflowError):
        raise Refused(400, f"{where}: a number below 0 or above 255; expected 0 to 255, as UINT8 has") from None
    return np.frombuffer(flat, np.uint8).reshape(shape)


def bytes_tensor(texts: list[str]) -> bytes:
    """A BYTES tensor: each element's length as 4 bytes, little-endian, then its UTF-8."""
    encoded = [text.encode() for text in texts]
    return b"".join(len(each).to_bytes(4, "little") + each for each in encoded)


def _unnested(data: list[Any], shape: tuple[int, ...], where: str) -> list[Any]:
    """The innermost elements of lists that are nested exactly as `shape`."""
    level = [data]
    for side in shape:
        if any(type(row) is not list or len(row) != side for row in level):
            raise Refused(400, f"{where}: not nested as the shape says; expected {list(shape)}, or one flat list")
        level = list(chain.from_iterable(level))
    return level
