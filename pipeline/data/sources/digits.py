"""1,797 handwritten digits of 8 x 8 pixels, inside scikit-learn: the data set that needs no download."""

from importlib import metadata

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import Unavailable
from edge.device.image import fit
from pipeline.data.colour import in_colour
from pipeline.data.source import UNGIVEN, Report, Source
from pipeline.recipe import Data


def fingerprint(settings: Data) -> dict[str, str]:  # noqa: ARG001 - the sources share one signature
    """The version of scikit-learn, which holds the data.

    Raises Unavailable where it is not installed.
    """
    try:
        return {"digits": f"scikit-learn {metadata.version('scikit-learn')}"}
    except metadata.PackageNotFoundError:
        raise _missing() from None


def load(settings: Data, report: Report) -> Source:
    """Classes "0" to "9", no part given.

    Raises Unavailable where scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise _missing() from None
    report("list", 0, 1)
    strokes, labels = load_digits(return_X_y=True)
    # Ink of 0..16 to bytes by a whole-number rule, the same on every machine.
    pixels = np.minimum(strokes.reshape(-1, 8, 8, 1).astype(np.int32) * 16, 255).astype(np.uint8)
    size = settings.image_size

    def read(position: int) -> NDArray[np.uint8]:
        return fit(in_colour(pixels[position], settings.colour), size, size, settings.resize)

    report("list", 1, 1)
    return Source(
        names=tuple(f"digit-{index:04d}" for index in range(len(labels))),
        labels=labels.astype(np.int32),
        given=np.full(len(labels), UNGIVEN, np.int8),
        classes=tuple(str(digit) for digit in range(10)),
        read=read,
    )


def _missing() -> Unavailable:
    return Unavailable('data.source = "digits": scikit-learn is not installed; run `pip install scikit-learn`')
