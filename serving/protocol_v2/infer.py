"""POST /v2/models/{model}[/versions/{version}]/infer."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import Refused
from serving.http import Request, Response
from serving.model import Model
from serving.protocol_v2.answer import encode
from serving.protocol_v2.compression import compress
from serving.protocol_v2.metadata import check_served
from serving.protocol_v2.request import LENGTH_HEADER, read_inference
from serving.state import State

MEDIA_TYPES = (b"application/json", b"application/octet-stream")
_QUICK = 0.001  # seconds; what takes longer is done beside the event loop


async def infer(request: Request, state: State) -> Response:
    """Raises Refused 404 for another model or version, 415 for another content type, 400 for a request that does not
    fit the contract, and what the queue raises.
    """
    model = state.model
    check_served(request.path, model)
    _check_media_type(request.headers)
    # As many pictures as would fit in the body: JSON holds fewer, and takes longer to read.
    height, width, channels = model.contract.input.picture
    seconds = model.seconds * len(request.body) / (height * width * channels)
    logits, response = await state.gate.run(partial(_answer, request, model), quick=seconds < _QUICK)
    state.metrics.predicted(logits, model.contract.output)
    return response


def _answer(request: Request, model: Model) -> tuple[NDArray[np.float32], Response]:
    """Logits, float32 [n, labels], and the answer made of them."""
    inference = read_inference(request.body, request.headers.get(LENGTH_HEADER), model.contract)
    logits = model.logits(inference.pixels)
    response = encode(model, inference, logits)
    return logits, compress(response, request.headers.get(b"accept-encoding"))


def _check_media_type(headers: dict[bytes, bytes]) -> None:
    given = headers.get(b"content-type")
    if given is None or given in MEDIA_TYPES or given.partition(b";")[0].strip().lower() in MEDIA_TYPES:
        if given == MEDIA_TYPES[0] and headers.get(LENGTH_HEADER, b"1").strip(b"0") == b"":
            raise Refused(400, "Inference-Header-Content-Length: 0, so no JSON; expected application/octet-stream")
        return
    raise Refused(
        415,
        f"Content-Type {given[:64].decode('latin-1')!r}: expected application/json, or application/octet-stream where "
        "binary data follows the JSON",
    )
