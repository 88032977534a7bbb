"""What a worker serves: a loaded model, and how."""

from __future__ import annotations

from dataclasses import dataclass

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


def warm_up() -> None:
    """Load the decoders of FORMATS, and no other: Pillow would load all that it has at the first picture of a format
    that is not there yet, and no request shall wait for that.

    Does nothing where Pillow is missing: requests are told.
    """
    try:
        from PIL import BmpImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401
    except ImportError:
        return
