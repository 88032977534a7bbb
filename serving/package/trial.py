"""A package is run before it is handed out: its server started, asked for its golden pictures, and measured."""

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

import psutil  # type: ignore[import-untyped]

from edge.device.errors import ProofFailed
from serving.settings import PREFIX

_START = 60.0  # seconds until it must be ready; a quiet machine takes two


@dataclass(frozen=True, kw_only=True)
class Trial:
    """`resident` is the server's memory in bytes after it has answered; `ready`: seconds from start to ready."""

    resident: int
    ready: float


def try_out(folder: Path, settings: dict[str, str], pictures: int) -> Trial:
    """Start the server of the package in `folder`, told by `settings`, and let it classify its golden `pictures`.

    Raises ProofFailed where it does not come up, or does not answer.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    # No bytecode: the folder shall hold what it is handed out with.
    told = {**own, **settings, f"{PREFIX}PORT": str(port), "PYTHONDONTWRITEBYTECODE": "1"}
    start = time.monotonic()
    with TemporaryFile() as log, _running([sys.executable, "-m", "serving"], folder, told, log.fileno()) as process:
        while not _answers(port):
            if process.poll() is not None or time.monotonic() - start > _START:
                log.seek(0)
                raise ProofFailed(f"the packaged server does not start: {_last_line(log.read())}")
            time.sleep(0.05)
        ready = time.monotonic() - start
        try:
            for index in range(pictures):
                _classify(port, index)
            resident = psutil.Process(process.pid).memory_info().rss
        except (OSError, http.client.HTTPException, psutil.Error) as error:
            raise ProofFailed(
                f"the packaged server came up, and then: {error}; serve the artefact to see why"
            ) from None
    return Trial(resident=resident, ready=ready)


@contextlib.contextmanager
def _running(
    command: list[str], folder: Path, environment: dict[str, str], log: int
) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(port: int) -> bool:
    try:
        return _ask(port, "GET", "/readyz")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def _classify(port: int, index: int) -> None:
    _, picture = _ask(port, "GET", f"/examples/{index}.png")
    status, answer = _ask(port, "POST", "/predict", picture)
    if status != 200:
        raise http.client.HTTPException(f"golden picture {index} was answered {status} {answer[:200]!r}")


def _ask(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request(method, path, body, {"Content-Type": "image/png"} if body else {})
        response = connection.getresponse()
        return response.status, response.read()


def _last_line(log: bytes) -> str:
    lines = log.decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("error ") if lines else f"it says nothing, and is not ready after {_START:g} s"
