"""A package is run before it is handed out: its server started, asked for its golden pictures, and measured."""

import contextlib
import http.client
import io
import math
from dataclasses import dataclass, replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from PIL import Image

from edge.device.errors import ProofFailed
from serving.child import running
from serving.settings import Settings

_LARGEST = 120.0  # seconds that the largest picture may take, here


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
    with running(replace(settings, seconds=_LARGEST), folder) as server:
        resident, peak = _use(server.port, server.process, settings, pictures)
    return Trial(ready=server.ready, resident=resident, peak=peak)


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


def _largest(pixels: int) -> bytes:
    """A PNG of few bytes and as many `pixels`, in the mode that takes the most memory: transparent."""
    side = math.isqrt(pixels)
    file = io.BytesIO()
    Image.new("RGBA", (side, side), (120, 60, 30, 128)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _answer(port: int, method: str, path: str, body: bytes | None = None) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_LARGEST)
    with contextlib.closing(connection):
        connection.request(method, path, body, {"Content-Type": "image/png"} if body else {})
        response = connection.getresponse()
        answer = response.read()
    if response.status != http.client.OK:
        raise http.client.HTTPException(f"{method} {path} was answered {response.status} {answer[:200]!r}")
    return answer
