"""A real server in a process of its own, asked through real sockets."""

import contextlib
import io
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray
from PIL import Image

from edge.device.golden import Golden, read_golden

ROOT = Path(__file__).resolve().parents[2]
settings.register_profile("thorough", max_examples=10_000)

START = 60  # seconds; a quiet machine takes two


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server; `artifact` is the folder that it serves."""

    process: subprocess.Popen[str]
    url: str
    artifact: Path

    @property
    def address(self) -> tuple[str, int]:
        url = httpx.URL(self.url)
        return url.host, url.port or 0

    @property
    def golden(self) -> Golden:
        return read_golden(self.artifact)


Encode = Callable[..., bytes]
StartServer = Callable[..., AbstractContextManager[Server]]


@pytest.fixture(scope="session")
def start_server(finished_run: Path) -> StartServer:
    """Start `edgewise serve` on the digits artefact, or another one, and wait until it is ready."""

    @contextlib.contextmanager
    def start(*options: object, artifact: Path | None = None, scheme: str = "http") -> Iterator[Server]:
        folder = artifact or finished_run / "export" / "cpu"
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        command = [Path(sys.executable).parent / "edgewise", "serve", folder, "--port", port, *options]
        process = subprocess.Popen(
            [str(each) for each in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
        )
        server = Server(process=process, url=f"{scheme}://127.0.0.1:{port}", artifact=folder)
        try:
            _wait(server)
            yield server
        finally:
            process.terminate()
            process.communicate(timeout=60)

    return start


@pytest.fixture(scope="session")
def served(start_server: StartServer) -> Iterator[Server]:
    """The digits artefact, served with the settings that nobody changed. Not to be reloaded or stopped by a test."""
    with start_server() as server:
        yield server


@pytest.fixture
def client(served: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url) as client:
        yield client


@pytest.fixture(scope="session")
def encode() -> Encode:
    """Make a picture file of pixels, uint8 [h, w, c]; keyword arguments go to Pillow."""

    def to_file(pixels: NDArray[np.uint8], form: str = "PNG", **options: object) -> bytes:
        file = io.BytesIO()
        Image.fromarray(pixels.squeeze()).save(file, form, **options)
        return file.getvalue()

    return to_file


@pytest.fixture
def own_artifact(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of the digits artefact, to be changed."""
    return shutil.copytree(finished_run / "export" / "cpu", tmp_path / "artifact")


def _wait(server: Server) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            output = server.process.stdout.read() if server.process.stdout else ""
            pytest.fail(f"the server ended with {server.process.returncode}: {output}")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{server.url}/readyz", verify=False).is_success:  # noqa: S501 - certificates of the tests
                return
        time.sleep(0.1)
    os.kill(server.process.pid, 9)
    pytest.fail(f"the server was not ready after {START} s")
