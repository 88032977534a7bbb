"""One keep-alive connection of the load generator: as little work for each request as Python allows."""

import re
import socket
from dataclasses import dataclass

from edge.device.errors import Unavailable

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"
_CHUNK = 256 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """`closes`: the server will close the connection behind it."""

    status: int
    head: bytes
    body: bytes
    closes: bool


def encode(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A request of HTTP/1.1 as it goes over the wire."""
    fields = {"Host": "127.0.0.1", **headers, "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("ascii") + body


def parse(received: bytes) -> Answer | None:
    """The answer that `received` holds, None while it is not whole.

    Raises Unavailable where it does not tell its length: this client reads no other answers.
    """
    head_end = received.find(_HEAD_END)
    if head_end < 0:
        return None
    head = received[:head_end]
    length = _LENGTH.search(head)
    if length is None:
        raise Unavailable(f"answer without Content-Length: {head[:200]!r}; this client reads no other")
    start = head_end + len(_HEAD_END)
    if len(received) < start + int(length[1]):
        return None
    return Answer(int(received[9:12]), head, received[start:], _CLOSES.search(head) is not None)


class Connection:
    """`due` is the time from which its request's latency counts, as `time.perf_counter` has it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self.due = 0.0

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, request: bytes, due: float) -> None:
        self.due = due
        self._received = b""
        self._socket.sendall(request)

    def receive(self) -> Answer | None:
        """What has arrived; None while the answer is not whole. Raises ConnectionError where the server has left."""
        part = self._socket.recv(_CHUNK)
        if not part:
            raise ConnectionResetError("the server closed the connection")
        self._received = self._received + part if self._received else part
        return parse(self._received)

    def ask(self, request: bytes) -> Answer:
        """Send `request` and wait for its answer."""
        self.send(request, 0.0)
        while True:
            answer = self.receive()
            if answer is not None:
                return answer

    def close(self) -> None:
        self._socket.close()
