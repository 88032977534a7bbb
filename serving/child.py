"""A server in a child process of this one: started on a free port of the loopback, awaited, asked, ended."""

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from edge.device.errors import ProofFailed
from serving.settings import PREFIX, Place, Settings, environment

READY = 60.0  # seconds until it must be ready; a quiet machine takes two
_END = 10.0  # seconds that it may take to end
_POLL = 0.05

# `python -m serving`, tied to this process by its standard input: it ends where this one is killed, too.
_SERVER = """
import os, runpy, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(1)), daemon=True).start()
runpy.run_module("serving", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True, kw_only=True)
class Child:
    """A server that is ready: its `port` on the loopback, its `process` by number, and the seconds that it took."""

    port: int
    process: int
    ready: float


@contextlib.contextmanager
def running(settings: Settings, folder: Path) -> Iterator[Child]:
    """`python -m serving`, with the source that stands in `folder`, once it is ready; ended afterwards.

    Raises ProofFailed where it does not come up, with its own last words.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    start = time.monotonic()
    with (
        TemporaryFile() as log,
        subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            cwd=folder,
            # No bytecode: the folder shall hold what it is handed out with.
            env={**own, **environment(settings, Place(port=port)), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            while not _answers(port):
                if process.poll() is not None or time.monotonic() - start > READY:
                    log.seek(0)
                    raise ProofFailed(f"the server does not start: {_last_line(log.read())}")
                time.sleep(_POLL)
            yield Child(port=port, process=process.pid, ready=time.monotonic() - start)
        finally:
            _end(process)


def _answers(port: int) -> bool:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=READY)) as connection:
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_line(log: bytes) -> str:
    lines = log.decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("error ") if lines else f"it says nothing, and is not ready after {READY:g} s"
