"""What tests of several packages share: the command line as people run it, and one small finished run."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
CHROMIUM = Path("/usr/bin/chromium")
# No sandbox, which containers cannot have; for the try-it page a picture that turns, and a name that is not localhost.
ARGUMENTS = ("--no-sandbox", "--use-fake-device-for-media-stream", "--host-resolver-rules=MAP pictures.test 127.0.0.1")

Command = Callable[..., subprocess.CompletedProcess[str]]

# A shell has what it starts in the background ignore Ctrl-C, and whatever the tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def edgewise() -> Command:
    """Run the real command line in a process of its own; keyword arguments go to subprocess.run."""

    def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).parent / "edgewise"), *map(str, arguments)]
        environment = {**os.environ, "COLUMNS": "200"}
        settings = {"capture_output": True, "text": True, "timeout": 500, "env": environment, "cwd": ROOT, **options}
        return subprocess.run(command, **settings)

    return run


@pytest.fixture(scope="session")
def quick_digits() -> tuple[str, ...]:
    """Settings that make the digits recipe quick; accuracy is not what these runs are for."""
    return (
        *("--set", "train.epochs=6"),
        *("--set", "quantize.epochs=2"),
        *("--set", "quantize.budget=0.05"),
    )


@pytest.fixture(scope="session")
def finished_run(edgewise: Command, quick_digits: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits recipe, trained, quantized and exported for all its targets. Not to be changed by a test."""
    run = tmp_path_factory.mktemp("runs") / "digits"
    for command in ("train", "quantize", "export"):
        done = edgewise(command, "recipes/digits.toml", *quick_digits, "--run", run)
        assert done.returncode == 0, done.stderr
    return run


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of data sets and weights beside the repository."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared, the data sets and weights beside the repository")
    return SHARED


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium, without a window; closed with each module, as no other event loop can run beside its own."""
    if not CHROMIUM.exists():
        pytest.skip(f"needs {CHROMIUM}; apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
