"""One client's connection: uvicorn's, with bounds on the size of a head and on the time that anything takes."""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from edge.device.errors import Refused
from serving.app import ENTERED, Application
from serving.body import not_whole
from serving.http import as_error

CONNECTIONS = 1000  # of one worker; few enough for the 1,024 files that a process may have open by default
HEAD_BYTES = 64 * 1024  # of request line and headers; also of trailers
HEAD_SECONDS = 10.0  # from the first byte, or from the connection, to the end of the headers
_WAITING_BYTES = 64 * 1024  # uvicorn holds as much before it stops reading
_REST_SECONDS = 5.0  # to send the rest of a body that was refused; an answer before its end would be lost on the way
_STALL_SECONDS = 15.0  # between two readings of a client, as nginx's send_timeout


class Connection(HttpToolsProtocol):
    """Cuts off what never ends: a server of few connections is not held up by slow ones.

    While the client is to send something a timer runs, and while it is to read something; none runs for a request that
    comes whole and an answer that leaves at once. `body_seconds` is the time from the end of the headers to the end of
    the body.
    """

    def __init__(self, *arguments: Any, body_seconds: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._body_seconds = body_seconds
        self._field_bytes = 0  # received since a body's last piece: at most those of a head, or of trailers
        self._in_head = self._in_body = False
        self._application = self.app if isinstance(self.app, Application) else None  # whose queue is asked
        self._waiting: list[bytes] | None = None  # the body of a request that is not begun yet
        self._answering: RequestResponseCycle | None = None  # uvicorn's `cycle` is the last that came
        self._timer: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.close()
        else:
            self._timer = self.loop.call_later(HEAD_SECONDS, self._close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._stop_stall()
        self._unset_keepalive_if_required()
        self._disconnect()
        super().connection_lost(exc)

    def eof_received(self) -> None:
        self._watch_reader()  # the transport closes itself now

    def shutdown(self) -> None:
        super().shutdown()
        if self.transport.is_closing():
            self._watch_reader()

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._stop_stall()

    def data_received(self, data: bytes) -> None:
        self._field_bytes += len(data)
        super().data_received(data)
        if self._in_head or self._in_body:
            if self._field_bytes > HEAD_BYTES:
                self._refuse(_TOO_LONG)
            else:
                self._watch_sender()
        elif self.cycle is None or self.cycle.response_complete:
            self._watch_sender()

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self._is_to_wait():
            self._waiting = []
        else:
            super().on_headers_complete()
        self._in_head, self._in_body = False, True
        if not self.pipeline:
            self._answering = self.cycle
        if self._timer is not None:
            self._stop_timer()
        if self._field_bytes > HEAD_BYTES and self._head_bytes() > HEAD_BYTES:
            self._refuse(_TOO_LONG)
        self.headers = []  # the request has its own by now; what follows are trailers, which nobody reads

    def on_body(self, body: bytes) -> None:
        self._field_bytes = 0
        if self._waiting is None:
            super().on_body(body)
            return
        self._waiting.append(body)
        if sum(map(len, self._waiting)) > _WAITING_BYTES:
            self._begin()

    def on_message_complete(self) -> None:
        self._in_body = False
        self._field_bytes = 0
        if self._timer is not None:
            self._stop_timer()
        if self._waiting is not None and self._application is not None:
            refused = self._application.turn_away()
            if refused is not None:
                self._waiting = None
                self._answer(refused, closes=not self.parser.should_keep_alive())
                return
            self._begin()
            self.scope[ENTERED] = True  # type: ignore[literal-required]
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if self.pipeline:
            self._answering = self.pipeline[-1][0]
        super().on_response_complete()
        if self.transport.is_closing():
            self._watch_reader()
        elif self._in_head or self._in_body:
            self._stop_timer()
            self._watch_sender()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP in the form that every error has."""
        self._refuse(Refused(400, msg))

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: anybody could fill the log. The request is answered as if it had not asked (RFC 9110, 7.8)."""

    def _is_to_wait(self) -> bool:
        """Whether the request is begun only once it is whole and has a place in the queue: under overload."""
        if self._application is None or not (self.cycle is None or self.cycle.response_complete):
            return False
        return (
            self.parser.get_method() == b"POST"
            and not self.expect_100_continue
            and self._application.is_overloaded(self.url.partition(b"?")[0].decode("latin-1"))
        )

    def _begin(self) -> None:
        """Hand the waiting request to the application."""
        parts, self._waiting = self._waiting, None
        super().on_headers_complete()
        self._answering = self.cycle
        for part in parts or ():
            super().on_body(part)

    def _watch_sender(self) -> None:
        """Time what the client is to send next; nothing while it waits for an answer."""
        if self._timer is not None:
            return
        answered = self.cycle is None or self.cycle.response_complete
        if self._in_head and answered:
            self._timer = self.loop.call_later(HEAD_SECONDS, self._close)
        elif self._in_body and answered:
            self._timer = self.loop.call_later(_REST_SECONDS, self._close)
        elif self._in_body and not self.pipeline:
            self._timer = self.loop.call_later(self._body_seconds, self._refuse, not_whole(self._body_seconds))
        elif answered and self.timeout_keep_alive_task is None:
            # uvicorn ends its own at any byte, also at those that begin no message.
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _watch_reader(self) -> None:
        """Abort the connection once the client reads nothing for a while of what was written."""
        left = self.transport.get_write_buffer_size()
        if left and self._stall is None:
            self._stall = self.loop.call_later(_STALL_SECONDS, self._abort_unless_read, left)

    def _abort_unless_read(self, before: int) -> None:
        self._stall = None
        if self.transport.get_write_buffer_size() < before:
            self._watch_reader()
        else:
            self.transport.abort()

    def _refuse(self, refused: Refused) -> None:
        """Answer in the application's stead, unless an answer is due or on its way, and close."""
        last = self.cycle
        if self._in_body and self._waiting is None:
            free = self._answering is last and not last.response_started
        else:
            free = last is None or last.response_complete
        if free and not self.transport.is_closing():
            self._answer(refused, closes=True)
        else:
            self._close()

    def _answer(self, refused: Refused, *, closes: bool) -> None:
        answer = as_error(refused)
        length = b"%d" % len(answer.body)
        headers = ((b"content-type", answer.media_type), (b"content-length", length), *answer.headers)
        lines = [b"HTTP/1.1 %d %s" % (answer.status, HTTPStatus(answer.status).phrase.encode())]
        lines += [b"%s: %s" % header for header in headers]
        lines += [b"connection: close"] if closes else []
        self.transport.write(b"\r\n".join((*lines, b"", answer.body)))
        if closes:
            self._close()

    def _close(self) -> None:
        """Close once the client has read what was written; what is being answered is told that nobody listens."""
        self._stop_timer()
        self._disconnect()
        self.transport.close()
        self._watch_reader()

    def _disconnect(self) -> None:
        # uvicorn tells the last request alone, and one before it in the pipeline would write to a closed transport.
        cycle = self._answering
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None


_TOO_LONG = Refused(400, f"request head: longer than {HEAD_BYTES:,} bytes; send fewer or shorter headers")
