"""`python -m pipeline.bench.fleet.server FOLDER`: a static web server that counts; it prints its port.

GET /counters answers what was counted since the last time: by kind of file, requests and bytes on the wire, heads of
requests and answers included.
"""

import http.server
import json
import socket
import sys
import threading
from collections import Counter
from pathlib import Path

KINDS = ("root", "timestamp", "snapshot", "targets", "policy", "bundle")

_lock = threading.Lock()
_requests: Counter[str] = Counter()
_bytes: Counter[str] = Counter()


def kind_of(path: str) -> str:
    """Which of KINDS a path is of."""
    return next((kind for kind in KINDS if path.endswith((f"{kind}.json", f".{kind}"))), "other")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder = Path()

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_GET(self) -> None:
        if self.path == "/counters":
            self._send(200, _taken())
            return
        file = self.folder / self.path.lstrip("/")
        received = (
            len(self.requestline) + 2 + sum(len(f"{name}: {value}\r\n") for name, value in self.headers.items()) + 2
        )
        sent = self._send(200, file.read_bytes()) if file.is_file() else self._send(404, b"not found\n")
        with _lock:
            _requests[kind_of(self.path)] += 1
            _bytes[kind_of(self.path)] += received + sent

    def _send(self, status: int, body: bytes) -> int:
        head = (
            f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\nDate: {self.date_time_string()}\r\n"
            f"Content-Type: application/octet-stream\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        self.wfile.write(head + body)
        return len(head) + len(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _taken() -> bytes:
    with _lock:
        counted = {kind: {"requests": _requests[kind], "bytes": _bytes[kind]} for kind in (*KINDS, "other")}
        _requests.clear()
        _bytes.clear()
    return json.dumps(counted).encode()


if __name__ == "__main__":
    Handler.folder = Path(sys.argv[1])
    server = Server(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()
