"""BentoML's typed interfaces, as its documentation shows them: an array, and a picture of Pillow."""

# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import bentoml
import numpy as np
from bentoml.validators import DType
from PIL import Image

from edge.device.image import fit
from pipeline.bench.serving.apps.subject import open_subject


@bentoml.service(workers=1)
class Classifier:
    def __init__(self) -> None:
        self._subject = open_subject()

    @bentoml.api
    def tensor(self, pixels: Annotated[np.ndarray, DType("uint8")]) -> np.ndarray:
        return self._subject.runtime.run(pixels)

    @bentoml.api
    def picture(self, image: Image.Image) -> np.ndarray:
        source = self._subject.input
        height, width, _ = source.picture
        pixels = fit(np.asarray(image.convert("RGB")), height, width, source.resize)
        return self._subject.runtime.run(pixels[np.newaxis])
