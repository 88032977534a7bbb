"""What a worker serves: a loaded model, and how."""

from __future__ import annotations

import io
from dataclasses import dataclass

from edge.device.errors import BadData
from edge.device.image import read_image
from edge.device.loading import Loaded
from edge.device.telemetry import Telemetry

# What people send; each format more is a decoder more that strangers reach.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP")


@dataclass(frozen=True)
class Served:
    """`slot` is empty where the model is no slot's; `pixels`: the most that a request may hold."""

    loaded: Loaded
    slot: str
    pixels: int
    telemetry: Telemetry | None = None

    @property
    def name(self) -> str:
        return self.loaded.contract.name

    @property
    def version(self) -> str:
        return self.loaded.contract.version


def warm_up(loaded: Loaded) -> None:
    """Read a picture of each format: Pillow loads a decoder at its first use, which no request shall wait for.

    Does nothing where Pillow is missing or was built without a format: requests are told.
    """
    try:
        from PIL import Image
    except ImportError:
        return
    for form in FORMATS:
        file = io.BytesIO()
        try:
            Image.new("L", (2, 2)).save(file, form)
            read_image(file.getvalue(), loaded.contract.input)
        except (BadData, KeyError, OSError):
            continue
