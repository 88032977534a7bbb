"""The ASGI application: finds the route, reads the body within bounds, and turns every refusal into JSON."""

import random
import re
import time
from collections.abc import Callable

from edge.device.errors import BadData, Refused
from serving.http import ASGI, ClientLeft, Receive, Request, Response, Scope, Send, as_error, read_body
from serving.predict import warm_up
from serving.route import Route
from serving.routes import find_route
from serving.state import State

_NO_SNIFFING = (b"x-content-type-options", b"nosniff")
# What a browser can navigate to: of the moment, for the one who asked, not to be shown in a frame. Answers to POST are
# neither kept nor framed, and each header costs a small model's request one per cent.
_SECURITY = {
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-store",
}
_REQUEST_ID = re.compile(rb"[!-~]{1,128}")  # what a log line can show


class Application:
    """Answers every HTTP request by the routes of `serving.routes`; `app`, BentoML's own, starts and stops with it.

    `open_state` is called when the server starts, not when the module is imported.
    """

    def __init__(self, app: ASGI, open_state: Callable[[], State]) -> None:
        self._app = app
        self._state = open_state()
        warm_up(self._state.model)
        self._origins = frozenset(origin.encode() for origin in self._state.settings.origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            self._state.reload_on_hangup()
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._answer(find_route(scope["path"]), scope, receive, send)

    async def _answer(self, route: Route | None, scope: Scope, receive: Receive, send: Send) -> None:
        start = time.perf_counter()
        metrics = self._state.metrics
        headers = dict(scope["headers"])
        metrics.numbers.in_flight += 1
        try:
            response = await self._respond(route, scope, headers, receive)
        except ClientLeft:
            return
        finally:
            metrics.numbers.in_flight -= 1
        metrics.answered(route.name if route else "unknown", response.status, time.perf_counter() - start)
        own = [
            (b"content-type", response.media_type),
            (b"content-length", b"%d" % len(response.body)),
            (b"x-request-id", _request_id(headers)),
            _NO_SNIFFING,
            *response.headers,
        ]
        if scope["method"] != "POST":
            own = list({**_SECURITY, **dict(own)}.items())  # the route's own rules come before these
        if self._origins:
            own += self._allowed(headers)
        await send({"type": "http.response.start", "status": response.status, "headers": own})
        await send({"type": "http.response.body", "body": response.body})

    async def _respond(
        self, route: Route | None, scope: Scope, headers: dict[bytes, bytes], receive: Receive
    ) -> Response:
        state = self._state
        method = scope["method"]
        try:
            if route is None:
                raise Refused(404, f"{scope['path']}: nothing is served there; see /docs.json")
            if method == "OPTIONS" and self._origins:
                return Response(body=b"", status=204)
            handler = route.handlers.get("GET" if method == "HEAD" else method)
            if handler is None:
                allowed = ", ".join(route.handlers)
                raise Refused(405, f"{method} {scope['path']}: expected {allowed}", ((b"allow", allowed.encode()),))
            if route.guarded:
                state.admit(headers)
            if route.queued:
                state.gate.check()
            request = Request(method=method, path=scope["path"], query=scope["query_string"], headers=headers)
            if method == "POST":
                request.body = await read_body(headers, receive, state.settings.body_bytes)
            return await handler(request, state)
        except Refused as refused:
            if refused.status == 429:
                state.metrics.numbers.rejected += 1
            return as_error(refused)
        except BadData as error:
            return as_error(Refused(400, str(error)))

    def _allowed(self, headers: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        """What tells a browser that a page from elsewhere may read the answer."""
        origin = headers.get(b"origin")
        if origin is None or not {origin, b"*"} & self._origins:
            return [(b"vary", b"origin")]
        return [
            (b"vary", b"origin"),
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-methods", b"GET, POST"),
            (b"access-control-allow-headers", b"authorization, content-type, x-api-key, x-request-id"),
            (b"access-control-max-age", b"600"),
        ]


def _request_id(headers: dict[bytes, bytes]) -> bytes:
    """The client's own, so that its log and ours can be laid side by side, or a new one."""
    given = headers.get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given
    return b"%016x" % random.getrandbits(64)
