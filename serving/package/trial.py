"""A package is run before it is handed out: its server started, asked for its golden pictures, and measured."""

import contextlib
import http.client
import io
import math
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import psutil  # type: ignore[import-untyped]
from PIL import Image

from edge.device.errors import ProofFailed
from serving.settings import PREFIX, Place, Settings, environment

_READY = 60.0  # seconds until it must be ready; a quiet machine takes two
_LARGEST = 120.0  # seconds that the largest picture may take, here
_END = 10.0  # seconds that it may take to end

# `python -m serving`, tied to this process by its standard input: it ends where this one is killed, too.
_SERVER = """
import os, runpy, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(1)), daemon=True).start()
runpy.run_module("serving", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """`ready`: seconds from start to ready; `resident`: bytes of the server's memory after it has answered; `peak`: the
    most bytes it had, with a picture of as many pixels as it takes."""

    ready: float
    resident: int
    peak: int


def try_out(folder: Path, settings: Settings, pictures: int) -> Trial:
    """Start the server of the package in `folder`, and let it classify its golden `pictures` and the largest one.

    Raises ProofFailed where it does not come up, or does not answer.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    told = environment(replace(settings, seconds=_LARGEST), Place(port=port))
    start = time.monotonic()
    with TemporaryFile() as log, _start(folder, {**own, **told}, log) as process:
        try:
            while not _answers(port):
                if process.poll() is not None or time.monotonic() - start > _READY:
                    log.seek(0)
                    raise ProofFailed(f"the packaged server does not start: {_last_line(log.read())}")
                time.sleep(0.05)
            ready = time.monotonic() - start
            resident, peak = _use(port, process.pid, settings, pictures)
        finally:
            _end(process)
    return Trial(ready=ready, resident=resident, peak=peak)


def _start(folder: Path, environment: Mapping[str, str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        cwd=folder,
        # No bytecode: the folder shall hold what it is handed out with.
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
    )


def _use(port: int, process: int, settings: Settings, pictures: int) -> tuple[int, int]:
    """Bytes of the server's memory after the golden pictures, and the most that it had for the largest one."""
    try:
        for index in range(pictures):
            picture = _answer(port, "GET", f"/examples/{index}.png")
            _answer(port, "POST", "/predict", picture)
        resident: int = psutil.Process(process).memory_info().rss
        _answer(port, "POST", "/predict", _largest(settings.pixels))
    except (OSError, http.client.HTTPException, psutil.Error) as error:
        raise ProofFailed(f"the packaged server came up, and then: {error}; serve the artefact to see why") from None
    return resident, _peak(process)


def _peak(process: int) -> int:
    """The most bytes of memory that `process` had: what the kernel counted, or where that is not told, what it has.

    Not wait4's ru_maxrss, which begins with what the parent had.
    """
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        resident: int = psutil.Process(process).memory_info().rss
        return resident
    return next(1024 * int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM:"))


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _largest(pixels: int) -> bytes:
    """A PNG of few bytes and as many `pixels`, in the mode that takes the most memory: transparent."""
    side = math.isqrt(pixels)
    file = io.BytesIO()
    Image.new("RGBA", (side, side), (120, 60, 30, 128)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _answers(port: int) -> bool:
    try:
        return _ask(port, "GET", "/readyz")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def _answer(port: int, method: str, path: str, body: bytes | None = None) -> bytes:
    status, answer = _ask(port, method, path, body)
    if status != 200:
        raise http.client.HTTPException(f"{method} {path} was answered {status} {answer[:200]!r}")
    return answer


def _ask(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_LARGEST)
    with contextlib.closing(connection):
        connection.request(method, path, body, {"Content-Type": "image/png"} if body else {})
        response = connection.getresponse()
        return response.status, response.read()


def _last_line(log: bytes) -> str:
    lines = log.decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("error ") if lines else f"it says nothing, and is not ready after {_READY:g} s"
