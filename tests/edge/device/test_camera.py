"""A camera's frames as decoding the same picture would give them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from edge.device.camera import from_bgr, grey
from edge.device.contract import Input
from edge.device.image import read_image

SEEN = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)


def test_grey_equals_pillows_for_every_byte() -> None:
    colours = np.random.default_rng(1).integers(0, 256, (500, 500, 3), np.uint8)
    np.testing.assert_array_equal(grey(colours)[:, :, 0], np.asarray(Image.fromarray(colours).convert("L")))


@pytest.mark.parametrize("colour", ["RGB", "GREY"])
@pytest.mark.parametrize("rule", ["stretch", "crop", "pad"])
def test_frame_equals_the_same_picture_as_a_file(colour: str, rule: str) -> None:
    contract = Input(
        shape=(1, 10, 12, 3 if colour == "RGB" else 1), colour=colour, resize=rule, scale=1.0, zero_point=0
    )
    file = io.BytesIO()
    Image.fromarray(SEEN[:, :, ::-1]).save(file, "PNG")
    np.testing.assert_array_equal(from_bgr(SEEN, contract), read_image(file.getvalue(), contract))
