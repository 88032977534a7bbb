"""The ASGI application: finds the route, reads the body within bounds, and turns every refusal into JSON."""

import logging
import random
import re
import time
from collections.abc import Awaitable, Callable

from edge.device.errors import BadData, Refused
from serving.body import Bodies, ClientLeft
from serving.http import ASGI, Receive, Request, Response, Scope, Send, as_error
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
_ALLOWED_HEADERS = (
    b"authorization, content-encoding, content-type, inference-header-content-length, x-api-key, x-request-id"
)
_REQUEST_ID = re.compile(rb"[!-~]{1,128}")  # what a log line can show

ENTERED = "edgewise.entered"  # in the scope of a request that has its place in the queue

log = logging.getLogger("edgewise")


class Application:
    """Answers every HTTP request by the routes of `serving.routes`; `app`, BentoML's own, starts and stops with it.

    `open_state` is called when the server starts, not when the module is imported. `times_bodies`: a body has the
    time limit of the settings to come, for servers whose connections do not keep it.
    """

    def __init__(self, app: ASGI, open_state: Callable[[], State], *, times_bodies: bool) -> None:
        self._app = app
        self._state = open_state()
        warm_up(self._state.model)
        settings = self._state.settings
        self._bodies = Bodies(settings.body_bytes, settings.queue * settings.body_bytes)
        self._body_seconds = settings.seconds if times_bodies else None
        self._origins = frozenset(origin.encode() for origin in settings.origins)

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
        request_id = _request_id(headers)
        metrics.numbers.in_flight += 1
        try:
            response = await self._respond(route, scope, headers, receive)
        except ClientLeft:
            return
        except Exception:  # of whatever kind: the one place where a fault of ours becomes an answer, and is counted
            log.exception("request id %s: %s %r", request_id.decode(), scope["method"], scope["path"])
            fault = f"internal error; the log has it under request id {request_id.decode()}"
            response = as_error(Refused(500, fault))
        finally:
            metrics.numbers.in_flight -= 1
        metrics.answered(route.name if route else "unknown", response.status, time.perf_counter() - start)
        own = [(b"x-request-id", request_id), _NO_SNIFFING, *response.headers]
        if response.status != 204:  # which has neither (RFC 9110, 8.6)
            own += [(b"content-type", response.media_type), (b"content-length", b"%d" % len(response.body))]
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
        entered = scope.get(ENTERED, False)
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
            if route.queued and not entered:
                state.gate.check()
            request = Request(method=method, path=scope["path"], query=scope["query_string"], headers=headers)
            if method == "POST":
                request.body = await self._read(headers, receive)
            if route.queued and not entered:
                state.gate.enter()
                entered = True
            return await handler(request, state)
        except Refused as refused:
            if refused.status == 429:
                state.metrics.numbers.rejected += 1
            return as_error(refused)
        except BadData as error:
            return as_error(Refused(400, str(error)))
        finally:
            if entered:
                state.gate.leave()

    def is_overloaded(self, path: str) -> bool:
        """Whether a POST to `path` is to ask `turn_away` before it is begun: while there are refusals."""
        if not self._state.gate.overloaded:
            return False
        route = find_route(path)
        return route is not None and route.queued

    def turn_away(self) -> Refused | None:
        """What refuses a request that has come whole; None where it has entered, which its scope shall say (ENTERED).

        For `serving.connection`: a request that is begun only to be refused costs half as much as a small model.
        """
        try:
            self._state.gate.enter()
        except Refused as refused:
            self._state.metrics.numbers.rejected += 1
            self._state.metrics.answered("overload", refused.status, 0.0)
            return refused
        return None

    def _read(self, headers: dict[bytes, bytes], receive: Receive) -> Awaitable[bytes]:
        if self._body_seconds is None:
            return self._bodies.read(headers, receive)
        return self._bodies.read_within(self._body_seconds, headers, receive)

    def _allowed(self, headers: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        """What tells a browser that a page from elsewhere may read the answer."""
        origin = headers.get(b"origin")
        if origin is None or not {origin, b"*"} & self._origins:
            return [(b"vary", b"origin")]
        return [
            (b"vary", b"origin"),
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-methods", b"GET, POST"),
            (b"access-control-allow-headers", _ALLOWED_HEADERS),
            (b"access-control-expose-headers", b"inference-header-content-length, retry-after, x-request-id"),
            (b"access-control-max-age", b"600"),
        ]


def _request_id(headers: dict[bytes, bytes]) -> bytes:
    """The client's own, so that its log and ours can be laid side by side, or a new one."""
    given = headers.get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given
    return b"%016x" % random.getrandbits(64)
