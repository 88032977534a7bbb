"""One client's connection: what came in and waits, what goes out, and until when something has to happen."""

from __future__ import annotations

import socket
import time

from edge.device.errors import Refused
from edge.device.serve.request import Request, RequestReader, Response, as_error, to_bytes

IDLE_SECONDS = 75.0  # longer than proxies keep idle connections (60), or they would send into a closed one
HEAD_SECONDS = 10.0  # from the first byte of a request to the end of its headers
BODY_SECONDS = 10.0  # from there to the end of its body
STALL_SECONDS = 15.0  # between two readings of a client
_REST_SECONDS = 5.0  # to send the rest of what was refused; an answer before its end would be lost on the way

_PIECE = 64 * 1024
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection:
    """A non-blocking socket between two requests, in one, or waiting for the answer to one (`request`)."""

    def __init__(self, client: socket.socket, body_bytes: int) -> None:
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = client
        self.reader = RequestReader(body_bytes)
        self.request: Request | None = None  # being answered
        self._out = bytearray()
        self._closing = False  # once what is in `_out` has left
        self._refused = False  # what still comes in is thrown away
        self.closed = False
        self.events = 0  # of the selector that watches it
        self.deadline = time.monotonic() + IDLE_SECONDS

    @property
    def idle(self) -> bool:
        """Whether nothing of a request or an answer is here: another process may go on with it."""
        return not (self.request or self._out or self._closing or self._refused or self.closed or self.reader.begun)

    @property
    def wants_to_write(self) -> bool:
        return bool(self._out)

    @property
    def wants_to_read(self) -> bool:
        return not self.request and not self._out and not (self._closing and not self._refused)

    def read(self) -> None:
        """Take what has come; closes where the client has left."""
        try:
            data = self.socket.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
        elif not self._refused:
            fresh = not self.reader.begun
            self.reader.receive(data)
            if fresh:
                self.deadline = time.monotonic() + HEAD_SECONDS

    def take(self) -> Request | None:
        """The next request, None while it is not whole; one that cannot be read is refused here."""
        if self.request or self._refused or self.closed or self._closing:
            return None
        in_body = self.reader.in_body
        try:
            self.request = self.reader.take()
        except Refused as refused:
            self.refuse(refused)
            return None
        if self.request is None and self.reader.in_body and not in_body:
            self.deadline = time.monotonic() + BODY_SECONDS
        if self.request is None and self.reader.wants_continue():
            self._send(_CONTINUE)
        return self.request

    def answer(self, response: Response, *, keeps: bool) -> None:
        """Send the answer to `request`; the connection is closed behind it unless both sides keep it."""
        request, self.request = self.request, None
        keeps = keeps and request is not None and request.keeps
        self._closing = not keeps
        patience = STALL_SECONDS if self._closing else HEAD_SECONDS if self.reader.begun else IDLE_SECONDS
        self.deadline = time.monotonic() + patience
        self._send(to_bytes(response, request, keeps=keeps))

    def refuse(self, refused: Refused) -> None:
        """Answer what is no whole request, and take nothing more."""
        self._refused = self._closing = True
        self.deadline = time.monotonic() + _REST_SECONDS
        self._send(to_bytes(as_error(refused), None, keeps=False))

    def write(self) -> None:
        """Send what waits."""
        self._send(b"")

    def expire(self, now: float) -> None:
        """Close, or refuse, where the deadline is over; what is being answered has none."""
        if now < self.deadline or self.request:
            return
        if self.reader.in_body and not self._closing:
            self.refuse(Refused(408, f"the body was not whole after {BODY_SECONDS:g} s; send it faster, or send less"))
        else:
            self.close()

    def close(self) -> None:
        """Be done; whoever watches the socket closes it."""
        self.closed = True
        self._out.clear()

    def _send(self, data: bytes) -> None:
        self._out += data
        try:
            while self._out:
                sent = self.socket.send(self._out)
                del self._out[:sent]
                if self._out:
                    self.deadline = max(self.deadline, time.monotonic() + STALL_SECONDS)
        except BlockingIOError:
            return
        except OSError:  # the client has left
            self.close()
            return
        if self._refused:
            self._half_close()
        elif self._closing:
            self.close()

    def _half_close(self) -> None:
        """The client reads the answer's end at once, and what it still sends is no error on its side."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()
