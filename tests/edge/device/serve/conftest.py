"""A real server of a device, in processes of its own, asked through real sockets."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from edge.device.slots import Root, switch

START = 60  # seconds; a quiet machine takes half of one

Eventually = Callable[..., bool]


@dataclass(frozen=True, kw_only=True)
class DeviceServer:
    """A running `serve`; `root` is the device's folder, `log` what it prints."""

    process: subprocess.Popen[bytes]
    root: Root
    port: int
    log: Path

    @property
    def record(self) -> dict[str, Any]:
        """serve.json as it stands."""
        body: dict[str, Any] = json.loads(self.root.server.read_text())
        return body

    @property
    def workers(self) -> list[int]:
        """Process ids of its workers."""
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.process.pid).children()
            return [child.pid for child in children if child.status() != psutil.STATUS_ZOMBIE]
        return []

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "image/png") -> tuple[int, Any]:
        """The status and the JSON of one request over a connection of its own."""
        connection = self.connect()
        with contextlib.closing(connection):
            connection.request(method, path, body, {"content-type": kind} if body is not None else {})
            answer = connection.getresponse()
            content = answer.read()
            is_json = answer.headers["content-type"] == "application/json"
            return answer.status, json.loads(content) if is_json else content.decode()


StartDevice = Callable[..., AbstractContextManager[DeviceServer]]


@pytest.fixture(scope="session")
def start_device(tmp_path_factory: pytest.TempPathFactory) -> StartDevice:
    """Start `serve` on a device's folder, and wait until serve.json is in the `state`."""

    @contextlib.contextmanager
    def start(
        folder: Path, *options: object, state: str = "serving", program: Sequence[str] = ("-m", "edge.device")
    ) -> Iterator[DeviceServer]:
        log = tmp_path_factory.mktemp("serve") / "log.txt"
        root = Root(path=folder)
        command = [sys.executable, *program, "serve", "--root", str(folder), "--port", "0"]
        with log.open("w") as file:
            process = subprocess.Popen([*command, *map(str, options)], stdout=file, stderr=file, cwd=log.parent)
        try:
            port = _wait(process, root, log, state)
            yield DeviceServer(process=process, root=root, port=port, log=log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        assert "Traceback" not in log.read_text()

    return start


@pytest.fixture
def installed(tmp_path: Path, make_slot: Callable[[Path, str, str], Path]) -> Root:
    """A device's folder with version 1.0.0 in slot a, in use."""
    root = Root(path=tmp_path / "edgewise")
    switch(root, make_slot(root.path, "a", "1.0.0"))
    return root


@pytest.fixture(scope="session")
def picture(artifact: Path) -> bytes:
    """A golden picture as PNG."""
    file = io.BytesIO()
    with np.load(artifact / "golden.npz") as arrays:
        Image.fromarray(arrays["inputs"][0].squeeze()).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="session")
def eventually() -> Eventually:
    """Whether a condition comes true within some seconds."""

    def wait_for(condition: Callable[[], bool], seconds: float = 30) -> bool:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    return wait_for


def _wait(process: subprocess.Popen[bytes], root: Root, log: Path, state: str) -> int:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"serve ended with {process.returncode}: {log.read_text()}")
        with contextlib.suppress(OSError, ValueError):
            record = json.loads(root.server.read_text())
            if record["pid"] == process.pid and record["state"] == state:
                return int(record["port"])
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    pytest.fail(f"serve was not {state} after {START} s: {log.read_text()}")
