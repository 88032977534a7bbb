"""Is the process alive, may it get requests, and how is it doing."""

from serving.http import Request, Response
from serving.metrics import MEDIA_TYPE
from serving.state import State

_TEXT = b"text/plain; charset=utf-8"


async def live(_: Request, __: State) -> Response:
    """The event loop turns."""
    return Response(body=b"alive\n", media_type=_TEXT)


async def ready(_: Request, __: State) -> Response:
    """A worker answers only after its model has matched the golden vectors, so whoever gets this answer may go on."""
    return Response(body=b"ready\n", media_type=_TEXT)


async def metrics(_: Request, state: State) -> Response:
    return Response(body=state.metrics.page(), media_type=MEDIA_TYPE)
