"""A real server in a process of its own, asked through real sockets."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
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
    """A running server; `artifact` is the folder that it serves, `log` what it prints."""

    process: "subprocess.Popen[bytes]"
    url: str
    artifact: Path
    log: Path

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
def start_server(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> StartServer:
    """Start `edgewise serve` on the digits artefact, or another one, and wait until it says that it is ready.

    In the end it must have printed no traceback, and no error unless `errors` are what the test is about.
    """

    @contextlib.contextmanager
    def start(
        *options: object,
        artifact: Path | None = None,
        variables: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
        errors: bool = False,
    ) -> Iterator[Server]:
        folder = artifact or finished_run / "export" / "cpu"
        command = [Path(sys.executable).parent / "edgewise", "serve", folder, "--port", "0", *options]
        log = tmp_path_factory.mktemp("server") / "log.txt"
        with log.open("w") as file:
            process = subprocess.Popen(
                [str(each) for each in command],
                stdout=file,
                stderr=file,
                cwd=cwd,
                env={**os.environ, **(variables or {})},
            )
        try:
            yield Server(process=process, url=_wait(process, log), artifact=folder, log=log)
        finally:
            process.terminate()
            process.wait(60)
        assert "Traceback" not in log.read_text()
        assert errors or "ERROR" not in log.read_text()

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
def eventually() -> Callable[..., bool]:
    """Whether a condition comes true within some seconds."""

    def wait_for(condition: Callable[[], bool], seconds: float = 20) -> bool:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    return wait_for


@pytest.fixture
def own_artifact(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of the digits artefact, to be changed."""
    return shutil.copytree(finished_run / "export" / "cpu", tmp_path / "artifact")


def _wait(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """The URL, which the server tells when it is ready."""
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the server ended with {process.returncode}: {log.read_text()}")
        if told := re.search(r"^serving .+ [0-9a-f]{12} in \w+ on (\S+)$", log.read_text(), re.MULTILINE):
            return told[1]
        time.sleep(0.02)
    process.kill()
    pytest.fail(f"the server was not ready after {START} s: {log.read_text()}")
