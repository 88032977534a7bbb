"""One client's connection: uvicorn's, with bounds on the size of a head and on the time a request takes to come."""

import asyncio
from http import HTTPStatus
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 64 * 1024  # of request line and headers
HEAD_SECONDS = 10.0  # from the first byte, or from the connection, to the end of the headers
_REST_SECONDS = 5.0  # to send the rest of a body that was refused; an answer before its end would be lost on the way


class Connection(HttpToolsProtocol):
    """Cuts off what never ends: a server of few connections is not held up by slow ones.

    `body_seconds` is the time from the end of the headers to the end of the body.
    """

    def __init__(self, *arguments: Any, body_seconds: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._body_seconds = body_seconds
        self._head_bytes = 0
        self._in_head = self._in_body = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self.send_400_response(f"request head: longer than {HEAD_BYTES:,} bytes; send fewer or shorter headers")
            elif self._timer is None:
                self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)
        elif self._in_body and self._timer is None:
            self._timer = self.loop.call_later(self._body_seconds, self._refuse_body)

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head, self._in_body = False, True
        self._head_bytes = 0
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        self._stop_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        # Where requests wait in the pipeline, the body that is coming in is not that of the answer.
        if self._in_body and not self.pipeline:
            self._stop_timer()
            self._timer = self.loop.call_later(_REST_SECONDS, self.transport.close)
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP in the form that every error has."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _refuse_body(self) -> None:
        if self.pipeline:  # the answers before this one are still due
            self.transport.close()
            return
        seconds = self._body_seconds
        self._refuse(
            HTTPStatus.REQUEST_TIMEOUT, f"the body was not whole after {seconds:g} s; send it faster, or send less"
        )

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        body = orjson.dumps({"error": message})
        head = (
            f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: application/json\r\nconnection: close\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
