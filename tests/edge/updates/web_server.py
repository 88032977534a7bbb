"""A static web server with ranges, a log of every request, and faults on demand.

    python web_server.py FOLDER FAULTS LOG [CERTIFICATE]     prints its port; FAULTS is read again for each request

FAULTS is a list of {"match": REGEX, "kind": KIND, "times": N, ...}: the first whose regex is found in the path counts.
"""

import http.server
import json
import re
import ssl
import sys
import threading
import time
from pathlib import Path

FOLDER, FAULTS, LOG = map(Path, sys.argv[1:4])
CERTIFICATE = sys.argv[4:]  # a PEM file with its key: HTTPS
LONGEST = 64 * 2**20  # bytes after which even an endless answer ends
_lock = threading.Lock()
_used: dict[str, int] = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.sent = 0
        status = self._answer()
        received = len(self.raw_requestline) + sum(len(f"{name}: {value}\r\n") for name, value in self.headers.items())
        entry = {"path": self.path, "range": self.headers.get("Range"), "status": status, "sent": self.sent}
        with _lock, LOG.open("a") as log:
            log.write(json.dumps({**entry, "received": received + 2}) + "\n")

    def _answer(self) -> int:
        fault = next_fault(self.path)
        kind = fault.get("kind")
        if kind == "silent":
            self.close_connection = True
            time.sleep(fault["seconds"])
            return 0
        if kind == "status":
            return self._send(fault["status"], fault.get("headers", {}), b"sorry")
        file = FOLDER / fault.get("file", self.path.split("?")[0].lstrip("/"))
        if not file.is_file():
            return self._send(404, {}, b"not found")
        content = file.read_bytes()
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(found.group(1)) if found and kind != "no-range" else 0
        if start >= len(content) > 0:
            return self._send(416, {"Content-Range": f"bytes */{len(content)}"}, b"")
        headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        return self._send(206 if start else 200, headers, content[start:], fault)

    def _send(self, status: int, headers: dict[str, str], body: bytes, fault: dict | None = None) -> int:
        fault = fault or {}
        kind = fault.get("kind")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if kind == "endless":
            self.send_header("Connection", "close")
            body = body + b" " * LONGEST
        else:
            self.send_header("Content-Length", str(len(body)))
        self.sent += sum(map(len, getattr(self, "_headers_buffer", []))) + 2
        self.end_headers()
        step = 1 if kind == "slow" else 16384
        last = fault["after"] if kind == "cut" else len(body)
        for at in range(0, last, step):
            try:
                self.wfile.write(body[at : min(at + step, last)])
            except OSError:
                self.close_connection = True
                return status
            self.sent += len(body[at : min(at + step, last)])
            if kind == "slow":
                time.sleep(0.02)
        self.close_connection = self.close_connection or kind in ("cut", "endless")
        return status

    def log_message(self, *arguments: object) -> None:
        pass


def next_fault(path: str) -> dict:
    with _lock:
        for fault in json.loads(FAULTS.read_text()):
            key = json.dumps(fault)
            if re.search(fault["match"], path) and _used.get(key, 0) < fault.get("times", 10**9):
                _used[key] = _used.get(key, 0) + 1
                return fault
    return {}


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if CERTIFICATE:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE[0])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()
