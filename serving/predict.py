"""POST /predict: pictures in, labels and scores out."""

import io
import time
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edge.device.errors import BadData
from edge.device.image import Bounds, decode, fit, read_image
from edge.device.ranking import milliseconds, ranked, read_top
from serving.card import identity
from serving.http import Request, Response, as_json
from serving.model import Model
from serving.pictures import Picture, pictures_of
from serving.settings import Settings
from serving.state import State

# What people send; each format more is a decoder more that strangers reach.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
# One pixel shows nothing; WebP goes to 16,383, and longer sides are scans or mistakes.
_SIDE = (2, 16_384)
_SCANS = 64  # progressive encoders write about ten


def warm_up(model: Model) -> None:
    """Read a picture of each format: Pillow loads a decoder at its first use, which no request shall wait for."""
    for form in FORMATS:
        file = io.BytesIO()
        Image.new("L", (_SIDE[0], _SIDE[0])).save(file, form)
        read_image(file.getvalue(), model.contract.input)


async def answer(request: Request, state: State) -> Response:
    """One answer for a single picture, a list for several in one form.

    Raises Refused for requests that are not of the interface, BadData for pictures that cannot be decoded.
    """
    model = state.model
    top = read_top(request.queries("top").get("top"), len(model.contract.output.labels))
    pictures = pictures_of(request, state.settings.images)
    logits, answers = await state.gate.run(partial(_classify, model, pictures, top, state.settings), quick=False)
    state.metrics.predicted(logits, model.contract.output)
    return as_json(answers if len(answers) > 1 else answers[0])


def _classify(
    model: Model, pictures: list[Picture], top: int, settings: Settings
) -> tuple[NDArray[np.float32], list[dict[str, Any]]]:
    """Logits, float32 [pictures, labels], and the answers made of them."""
    bounds = Bounds(formats=FORMATS, side=_SIDE, pixels=settings.pixels, scans=_SCANS)
    batch, taken = [], []
    for picture in pictures:
        pixels, spent, size = _prepare(picture, model, bounds)
        bounds = replace(bounds, pixels=bounds.pixels - size)  # the bound is that of the request
        batch.append(pixels)
        taken.append(spent)
    start = time.perf_counter()
    logits = model.logits(np.stack(batch))
    infer = (time.perf_counter() - start) / len(batch)
    answers = [_answer(model, row, top, {**spent, "infer": infer}) for row, spent in zip(logits, taken, strict=True)]
    return logits, answers


def _prepare(picture: Picture, model: Model, bounds: Bounds) -> tuple[NDArray[np.uint8], dict[str, float], int]:
    """The model's input, uint8 [h, w, c]; the seconds it took; the pixels that the picture had."""
    contract = model.contract.input
    height, width, _ = contract.picture
    start = time.perf_counter()
    try:
        decoded = decode(picture.content, contract.colour, bounds)
    except BadData as error:
        raise BadData(f"{picture.name}: {error}") from None
    middle = time.perf_counter()
    pixels = fit(decoded, height, width, contract.resize)
    spent = {"decode": middle - start, "resize": time.perf_counter() - middle}
    return pixels, spent, decoded.shape[0] * decoded.shape[1]


def _answer(model: Model, logits: NDArray[np.float32], top: int, seconds: dict[str, float]) -> dict[str, Any]:
    listed = ranked(model.contract.output, logits, top)
    return {
        "label": listed[0]["label"],
        "confidence": listed[0]["score"],
        "scores": listed,
        "model": identity(model),
        "latency_ms": milliseconds(seconds),
    }
