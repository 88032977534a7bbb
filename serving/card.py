"""GET /model.json: what is served and how good it was proven to be; and its golden pictures as examples."""

import asyncio
import io
from typing import Any

from PIL import Image

from edge.device.errors import Refused
from serving.http import Request, Response, as_json
from serving.model import Model
from serving.state import State

_FIGURES = ("top1", "top1_interval", "drop", "agreement", "samples")


def identity(model: Model) -> dict[str, str]:
    """Which model answered: stands in every answer."""
    return {"name": model.name, "version": model.version, "sha256": model.sha256}


async def answer(_: Request, state: State) -> Response:
    model, settings = state.model, state.settings
    height, width, _channels = model.contract.input.picture
    card: dict[str, Any] = {
        "model": identity(model),
        "target": model.contract.target,
        "precision": model.contract.precision,
        "runtime": model.runtime,
        "file": model.file,
        "bytes": model.size,
        "infer_ms": 1000 * model.seconds,
        "input": {
            "height": height,
            "width": width,
            "colour": model.contract.input.colour,
            "resize": model.contract.input.resize,
        },
        "labels": model.contract.output.labels,
        "temperature": model.contract.output.temperature,
        "figures": {name: model.figures[name] for name in _FIGURES if name in model.figures} or None,
        # A page's <img> brings no key.
        "examples": [] if state.has_keys else [f"/examples/{index}.png" for index in range(len(model.golden.inputs))],
        "limits": {"bytes": settings.body_bytes, "pixels": settings.pixels, "images": settings.images},
        "key_needed": state.has_keys,
    }
    return as_json(card)


async def example(request: Request, state: State) -> Response:
    """A golden picture as PNG; raises Refused 404 where there is none of that number."""
    pictures = state.model.golden.inputs
    number = request.path.removeprefix("/examples/").removesuffix(".png")
    if not (number.isascii() and number.isdecimal() and len(number) < 10 and int(number) < len(pictures)):
        raise Refused(404, f"{request.path}: expected /examples/0.png to /examples/{len(pictures) - 1}.png")
    return Response(body=await asyncio.to_thread(_png, pictures[int(number)]), media_type=b"image/png")


def _png(pixels: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels.squeeze()).save(file, "PNG")
    return file.getvalue()
