"""A package of the digits artefact, made by the command line, and its servers."""

import contextlib
import io
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from edge.device.golden import read_golden

START = 60  # seconds; a quiet machine takes two to five

RunServer = Callable[..., AbstractContextManager[str]]
Edgewise = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def packaged(edgewise: Edgewise, finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits artefact, packaged. Not to be changed by a test."""
    place = tmp_path_factory.mktemp("package") / "digits"
    done = edgewise("package", finished_run, "--output", place)
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture
def own_package(packaged: Path, tmp_path: Path) -> Path:
    """A copy of the package, in which a test may build and start things."""
    return shutil.copytree(packaged, tmp_path / "package")


@pytest.fixture(scope="session")
def run_server() -> RunServer:
    """Start a command that serves at EDGEWISE_PORT or {port}; gives its URL once it is ready."""

    @contextlib.contextmanager
    def run(command: Sequence[object], folder: Path, variables: Mapping[str, str]) -> Iterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        own = {name: value for name, value in os.environ.items() if not name.startswith(("EDGEWISE_", "PYTHON"))}
        process = subprocess.Popen(
            [str(word).replace("{port}", port) for word in command],
            cwd=folder,
            env={**own, **variables, "EDGEWISE_PORT": port},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            _wait(process, url)
            yield url
        finally:
            process.terminate()
            process.communicate(timeout=60)

    return run


@pytest.fixture(scope="session")
def assert_golden() -> Callable[[str, Path], None]:
    """Ask the server at a URL for the golden pictures of an artefact: scores and labels must be those."""

    def check(url: str, artifact: Path) -> None:
        golden = read_golden(artifact)
        spread = np.exp(golden.outputs - golden.outputs.max(axis=1, keepdims=True))
        expected = spread / spread.sum(axis=1, keepdims=True)
        for pixels, scores in zip(golden.inputs, expected, strict=True):
            file = io.BytesIO()
            Image.fromarray(pixels.squeeze()).save(file, "PNG")
            answer = httpx.post(
                f"{url}/predict?top=10", content=file.getvalue(), headers={"Content-Type": "image/png"}
            ).json()
            found = {each["label"]: each["score"] for each in answer["scores"]}
            # A score moves by at most half of what a logit does, up or down.
            assert np.allclose([found[str(label)] for label in range(10)], scores, atol=golden.tolerance / 2 + 1e-6)

    return check


def _wait(process: "subprocess.Popen[str]", url: str) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the server ended with {process.returncode}: {process.communicate()[0]}")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/readyz").is_success:
                return
        time.sleep(0.1)
    pytest.fail(f"the server was not ready after {START} s")
