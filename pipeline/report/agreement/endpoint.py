"""The live REST endpoint: the real server on loopback, asked for pictures by HTTP."""

import contextlib
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edge.device.errors import ProofFailed, Unavailable
from pipeline.evaluation import Logits
from pipeline.report.agreement.answering import NO_ANSWER, Answering
from pipeline.report.agreement.facts import Endpoint
from pipeline.report.inspection import Artefact, Inspection, Subject
from pipeline.stage import ROOT
from serving.child import running
from serving.settings import RUNTIMES, Settings

PICTURES = 10_000  # asked for at most,
_PIXELS = 200_000_000  # and of no more pixels in all: they are compressed and decoded one by one
_CONNECTIONS = 2
_REQUEST_BYTES = 8 * 2**20  # of pixels in one request
_LABELS = 100  # scores that an answer lists at most
_SECONDS = 120.0  # for one request; the machine may be busy

# By the names of the contract, the options of the server.
_OPTIONS = {runtime: option for option, runtime in RUNTIMES.items()}


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the endpoint said of n pictures: `labels` int64 [n], positions in the data set's classes, found by name
    (NO_ANSWER for a name that it does not have); `scores` float64 [n, classes], NaN where it listed none;
    `unknown`: names that the data set does not have."""

    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    unknown: tuple[str, ...]


def served(inspection: Inspection) -> tuple[Artefact, Subject] | None:
    """The artefact that is served, cpu before others, and its file in the runtime that serves it; None where the
    server can execute none of the run's."""
    for artefact in sorted(inspection.artefacts, key=lambda each: each.target != "cpu"):
        able = [each for each in artefact.subjects if each.runtime in _OPTIONS]
        if able:
            # The file that `Contract.file_for` names: the server takes no other.
            able.sort(key=lambda each: each.runtime != artefact.contract.fastest)
            return artefact, able[0]
    return None


@contextlib.contextmanager
def asking(artefact: Artefact, subject: Subject, picture_bytes: int) -> Iterator[int]:
    """The port of a server of `artefact` in the subject's runtime, taking pictures of `picture_bytes`.

    Raises ProofFailed where it does not start, Unavailable where the packages of the service are not installed.
    """
    if find_spec("bentoml") is None:
        raise Unavailable("the package bentoml is missing; pip install bentoml")
    settings = Settings(artifact=artefact.folder.absolute(), runtime=_OPTIONS[subject.runtime], seconds=_SECONDS)
    # A PNG of noise is a little larger than its pixels.
    settings = replace(settings, body_bytes=max(settings.body_bytes, 2 * picture_bytes + 65_536))
    with running(settings, ROOT) as server:
        yield server.port


def ask(
    port: int, count: int, picture: Callable[[int], NDArray[np.uint8]], together: int, classes: Sequence[str]
) -> Told:
    """What the server on `port` says of `count` pictures, uint8 [h, w, c] each, `together` of them in one request.

    Raises ProofFailed where it refuses one, or leaves.
    """
    position = {name: at for at, name in enumerate(classes)}
    labels = np.full(count, NO_ANSWER, np.int64)
    scores = np.full((count, len(classes)), np.nan)
    unknown: dict[str, None] = {}

    def one(start: int) -> None:
        chosen = range(start, min(start + together, count))
        files = [("image", (f"{at}.png", png(picture(at)), "image/png")) for at in chosen]
        response = client.post("/predict", params={"top": min(len(classes), _LABELS)}, files=files)
        if response.status_code != httpx.codes.OK:
            raise ProofFailed(f"/predict answered {response.status_code}: {response.text[:200]}")
        answers = json.loads(response.content)
        for at, answer in zip(chosen, answers if isinstance(answers, list) else [answers], strict=True):
            labels[at] = position.get(answer["label"], NO_ANSWER)
            for each in answer["scores"]:
                if each["label"] in position:
                    scores[at, position[each["label"]]] = each["score"]
                else:
                    unknown[each["label"]] = None

    try:
        with (
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=_SECONDS, trust_env=False) as client,
            ThreadPoolExecutor(_CONNECTIONS) as pool,
        ):
            list(pool.map(one, range(0, count, together)))
    except httpx.HTTPError as error:
        raise ProofFailed(f"/predict: {type(error).__name__}: {error}") from None
    return Told(labels=labels, scores=scores, unknown=tuple(unknown))


def per_request(picture_bytes: int) -> int:
    """How many pictures go into one request: as many as the server takes, fewer of large ones."""
    return max(1, min(_DEFAULT_IMAGES, _REQUEST_BYTES // picture_bytes))


def measure_endpoint(inspection: Inspection) -> tuple[Endpoint, Answering | None]:
    """The endpoint against the same file in the same runtime here, and what it answered; None where it failed."""
    found = served(inspection)
    if found is None:
        reason = "none of the run's artefacts was proven in a runtime that the server has"
        return _not_asked("", reason, faulty=False), None
    artefact, subject = found
    blind, classes = inspection.blind, inspection.dataset.classes
    size = int(np.prod(blind.images.shape[1:]))
    count = min(len(blind), PICTURES, max(1, _PIXELS // int(np.prod(blind.images.shape[1:3]))))
    inspection.report(f"live endpoint: {subject.name}", 0, count)
    try:
        with asking(artefact, subject, size) as port:
            start = time.perf_counter()
            told = ask(port, count, lambda at: blind.pick(np.array([at]))[0], per_request(size), classes)
            seconds = time.perf_counter() - start
    except (ProofFailed, Unavailable) as error:
        return _not_asked(subject.name, str(error), faulty=isinstance(error, ProofFailed)), None
    inspection.report(f"live endpoint: {subject.name}", count, count)
    logits = inspection.logits(subject)[:count]
    flips, difference = compare(told, logits, artefact)
    labels = np.full(len(blind), NO_ANSWER, np.int64)
    labels[:count] = told.labels
    endpoint = Endpoint(
        served=subject.name,
        pictures=count,
        requests=-(-count // per_request(size)),
        seconds=seconds,
        flips=flips,
        difference=difference,
        unknown=told.unknown,
        failure="",
        faulty=False,
    )
    return endpoint, Answering(name="REST endpoint", kind="endpoint", labels=labels)


def compare(told: Told, logits: Logits, artefact: Artefact) -> tuple[int, float]:
    """Labels that differ, and the largest difference of a score of one name, between `told` and local `logits`,
    float32 [n, classes] in the data set's order."""
    scores = artefact.contract.output.scores(logits)
    differences = np.abs(told.scores - scores)
    flips = int(np.count_nonzero(told.labels != logits.argmax(1)))
    return flips, float(np.nanmax(differences)) if np.isfinite(differences).any() else 0.0


def png(pixels: NDArray[np.uint8]) -> bytes:
    """The lossless file of uint8 [h, w, 1 or 3]."""
    file = io.BytesIO()
    Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0]).save(file, "PNG", compress_level=1)
    return file.getvalue()


_DEFAULT_IMAGES = Settings(artifact=Path()).images


def _not_asked(served: str, reason: str, *, faulty: bool) -> Endpoint:
    return Endpoint(
        served=served,
        pictures=0,
        requests=0,
        seconds=0.0,
        flips=0,
        difference=0.0,
        unknown=(),
        failure=reason,
        faulty=faulty,
    )
