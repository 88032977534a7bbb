"""Where labelled pictures come from: one module each, with the same two verbs."""

from typing import Protocol

from pipeline.data.source import Report, Source
from pipeline.data.sources import digits, images, npz, tfds
from pipeline.recipe import Data


class Verbs(Protocol):
    """What each module of this folder offers."""

    def fingerprint(self, settings: Data) -> dict[str, str]:
        """Tell, in a moment and without decoding, what the source is now."""

    def load(self, settings: Data, report: Report) -> Source:
        """List the source; its pictures are decoded one by one, later."""


SOURCES: dict[str, Verbs] = {"digits": digits, "images": images, "npz": npz, "tfds": tfds}
