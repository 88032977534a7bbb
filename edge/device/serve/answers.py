"""What is answered to a request: the routes and the JSON of the big service."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import BadData, Refused
from edge.device.image import Bounds, decode, fit
from edge.device.ranking import milliseconds, ranked, read_top
from edge.device.serve.form import Picture, pictures_of
from edge.device.serve.request import Request, Response, as_json
from edge.device.serve.served import FORMATS, Served

_IMAGES = 16  # of a form
# One pixel shows nothing; WebP goes to 16,383, and longer sides are scans or mistakes.
_SIDE = (2, 16_384)
_SCANS = 64  # of a progressive JPEG; encoders write about ten

Answer = Callable[[Request], Response]


@dataclass(frozen=True)
class Route:
    """`heavy` ones use the model: they wait in a queue of bounded length."""

    method: str
    answer: Answer
    heavy: bool = False


def routes_of(served: Served) -> Mapping[str, Route]:
    """What is served where."""
    return {
        "/": Route(method="GET", answer=partial(_describe, served)),
        "/predict": Route(method="POST", answer=partial(_predict, served), heavy=True),
        "/livez": Route(method="GET", answer=_live),
        "/readyz": Route(method="GET", answer=partial(_ready, served)),
    }


def find_route(routes: Mapping[str, Route], request: Request) -> Route:
    """The route of `request`; raises Refused 404 or 405 where there is none."""
    route = routes.get(request.path)
    if route is None:
        raise Refused(404, f"{request.path[:64]}: nothing is served there; see /")
    if route.method != ("GET" if request.method == "HEAD" else request.method):
        raise Refused(
            405,
            f"{request.method} {request.path}: expected {route.method}",
            ((b"allow", route.method.encode()),),
        )
    return route


def _describe(served: Served, _: Request) -> Response:
    return as_json(
        {
            "what": f"{served.name} {served.version} on this device; POST a picture to /predict",
            **_identity(served),
            "labels": served.loaded.contract.output.labels,
            "routes": ["POST /predict", "GET /livez", "GET /readyz"],
        }
    )


def _live(_: Request) -> Response:
    return Response(body=b"alive\n", media_type="text/plain; charset=utf-8")


def _ready(served: Served, _: Request) -> Response:
    """A worker answers only after its model has matched the golden vectors, so whoever gets this answer may go on."""
    return as_json({"ready": True, **_identity(served)})


def _identity(served: Served) -> dict[str, Any]:
    return {
        "name": served.name,
        "version": served.version,
        "runtime": served.loaded.runtime,
        "slot": served.slot or None,
        "fallback": list(served.loaded.fallback),
    }


def _predict(served: Served, request: Request) -> Response:
    """One answer for a single picture, a list for several in one form.

    Raises Refused for requests that are not of the interface, 400 for pictures that cannot be decoded.
    """
    top = read_top(request.queries("top").get("top"), len(served.loaded.contract.output.labels))
    pictures = pictures_of(request, _IMAGES)
    bounds = Bounds(formats=FORMATS, side=_SIDE, pixels=served.pixels, scans=_SCANS)
    answers = []
    for picture in pictures:
        pixels, spent, size = _prepare(picture, served, bounds)
        bounds = replace(bounds, pixels=bounds.pixels - size)  # the bound is that of the request
        start = time.perf_counter()
        logits = served.loaded.executor.run(pixels[np.newaxis])
        spent["infer"] = time.perf_counter() - start
        answers.append(_answer(served, logits[0], top, spent))
    if served.telemetry is not None:
        served.telemetry.count((each["label"], each["confidence"]) for each in answers)
    return as_json(answers if len(answers) > 1 else answers[0])


def _prepare(picture: Picture, served: Served, bounds: Bounds) -> tuple[NDArray[np.uint8], dict[str, float], int]:
    """The model's input, uint8 [h, w, c]; the seconds it took; the pixels that the picture had."""
    contract = served.loaded.contract.input
    height, width, _ = contract.picture
    start = time.perf_counter()
    try:
        decoded = decode(picture.content, contract.colour, bounds)
    except BadData as error:
        raise Refused(400, f"{picture.name}: {error}") from None
    except ImportError:
        raise Refused(503, "pictures cannot be decoded: the package pillow is missing; pip install pillow") from None
    middle = time.perf_counter()
    pixels = fit(decoded, height, width, contract.resize)
    spent = {"decode": middle - start, "resize": time.perf_counter() - middle}
    return pixels, spent, decoded.shape[0] * decoded.shape[1]


def _answer(served: Served, logits: NDArray[np.float32], top: int, seconds: dict[str, float]) -> dict[str, Any]:
    listed = ranked(served.loaded.contract.output, logits, top)
    return {
        "label": listed[0]["label"],
        "confidence": listed[0]["score"],
        "scores": listed,
        "model": {"name": served.name, "version": served.version, "sha256": served.loaded.sha256},
        "latency_ms": milliseconds(seconds),
    }
