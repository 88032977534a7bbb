"""Frames of a camera, by OpenCV, which JetPack brings and Debian has as python3-opencv."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from edge.device.contract import Input
from edge.device.errors import Unavailable
from edge.device.image import Pixels, fit
from edge.device.pictures import Frame

# Of red, green and blue in grey, as Pillow's "L" has them: ITU-R 601-2 in 16 fractional bits.
_GREY = np.array([19595, 38470, 7471], np.uint32)


def frames_of_camera(name: str, contract: Input) -> Iterator[Frame]:
    """What the camera sees, the latest frame each time, until nobody asks any more.

    Raises Unavailable where OpenCV is missing, or the camera cannot be opened or gives no frame.
    """
    try:
        import cv2
    except ImportError:
        raise Unavailable(
            "cameras need OpenCV's cv2, which is missing: apt install python3-opencv, or pip install opencv-python"
        ) from None
    capture = cv2.VideoCapture(name, cv2.CAP_V4L2 if name.startswith("/dev/") else cv2.CAP_ANY)
    try:
        if not capture.isOpened():
            raise Unavailable(
                f"{name}: cannot be opened as a camera; see v4l2-ctl --list-devices, and who else uses it"
            )
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # what was seen a while ago is no answer
        number = 0
        while True:
            start = time.perf_counter()
            there, seen = capture.read()
            if not there:
                raise Unavailable(f"{name}: gives no frame after {number}; see that it is still connected")
            middle = time.perf_counter()
            pixels = from_bgr(seen, contract)
            spent = {"capture": middle - start, "resize": time.perf_counter() - middle}
            yield Frame(f"{name}:{number}", pixels, spent)
            number += 1
    finally:
        capture.release()


def from_bgr(seen: Pixels, contract: Input) -> Pixels:
    """The model's input, uint8 [h, w, c], of OpenCV's uint8 [h, w, 3] in the order blue, green, red."""
    colours = seen[:, :, ::-1]
    if contract.colour == "GREY":
        colours = grey(colours)
    height, width, _ = contract.picture
    return fit(np.ascontiguousarray(colours), height, width, contract.resize)


def grey(colours: Pixels) -> Pixels:
    """uint8 [h, w, 3] in RGB as uint8 [h, w, 1], to the bit what decoding a picture to grey gives."""
    total = colours.astype(np.uint32) @ _GREY + 0x8000
    return (total >> 16).astype(np.uint8)[:, :, np.newaxis]
