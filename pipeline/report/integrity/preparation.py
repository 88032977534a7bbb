"""Does the server prepare pictures as the data stage did? Pictures of odd sizes, judged by what it answers."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edge.device.contract import RESIZES
from edge.device.errors import ProofFailed, Unavailable
from edge.device.image import decode, fit
from pipeline.data.dataset import Samples
from pipeline.evaluation import open_quietly
from pipeline.report.agreement.endpoint import Told, ask, asking, compare, per_request, png, served
from pipeline.report.inspection import Artefact, Inspection, Subject
from pipeline.report.integrity.facts import Check
from pipeline.subset import at_most

PICTURES = 64

_SAME = 1e-4  # largest difference of a score: above what float32 rounds, below what another rule makes
_NAME = "Preparation by the live endpoint"


def check_preparation(inspection: Inspection) -> Check:
    """What the real server answers on enlarged, non-square pictures, against the data's resize rule and the same file
    in the same runtime here."""
    found = served(inspection)
    if found is None:
        words = "None of the run's artefacts was proven in a runtime that the server has."
        return Check(name=_NAME, passed=None, words=words)
    artefact, subject = found
    pictures = odd_pictures(at_most(inspection.blind, PICTURES))
    largest = max(picture.size for picture in pictures)
    inspection.report("live endpoint: pictures of odd sizes", 0, 1)
    try:
        with asking(artefact, subject, largest) as port:
            # Labels of the contract, right or wrong, as another check is about them.
            labels = artefact.contract.output.labels
            told = ask(port, len(pictures), pictures.__getitem__, per_request(largest), labels)
    except ProofFailed as error:
        return Check(name=_NAME, passed=False, words=f"The server cannot be asked: {error}")
    except Unavailable as error:
        return Check(name=_NAME, passed=None, words=f"The server cannot be asked: {error}")
    return _judged(told, pictures, artefact, subject, inspection.recipe.data.resize)


def odd_pictures(samples: Samples) -> list[NDArray[np.uint8]]:
    """The pictures of `samples`, each enlarged by its own two factors of 1 to 3, so that height and width differ."""
    enlarged = []
    for at, pixels in enumerate(samples.all()):
        height, width = pixels.shape[:2]
        picture = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0])
        size = (width + width * (1 + at % 7) // 4, height + height * (7 - at % 7) // 5)
        enlarged.append(np.asarray(picture.resize(size, Image.Resampling.BICUBIC)).reshape(size[1], size[0], -1))
    return enlarged


def _judged(told: Told, pictures: list[NDArray[np.uint8]], artefact: Artefact, subject: Subject, wanted: str) -> Check:
    runtime = open_quietly(subject.runtime, subject.file, subject.layout)
    height, width, _ = artefact.contract.input.picture
    differences: dict[str, float] = {}
    flips: dict[str, int] = {}
    for rule in RESIZES:
        files = (png(picture) for picture in pictures)
        batch = [fit(decode(file, artefact.contract.input.colour), height, width, rule) for file in files]
        flips[rule], differences[rule] = compare(told, runtime.run(np.stack(batch)), artefact)
    if differences[wanted] <= _SAME:
        words = (
            f"{len(pictures)} pictures of odd, non-square sizes were answered as after the data's own resize rule, "
            f"{wanted!r}; scores differ by at most {differences[wanted]:.1g}."
        )
        return Check(name=_NAME, passed=True, words=words)
    closest = min(differences, key=lambda rule: differences[rule])
    hint = f"; its answers are those of {closest!r}" if differences[closest] <= _SAME else ""
    words = (
        f"Of {len(pictures)} pictures of odd, non-square sizes the server labels {flips[wanted]} otherwise than after "
        f"the data's resize rule {wanted!r} (scores differ by up to {differences[wanted]:.3f}){hint}. Its artefact's "
        f"contract says {artefact.contract.input.resize!r}: export again."
    )
    return Check(name=_NAME, passed=False, words=words)
