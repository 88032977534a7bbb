"""A virtual environment for each peer: their requirements do not agree with ours, nor with each other's."""

import shutil
import subprocess
import sys
from pathlib import Path

from edge.device.errors import Unavailable
from edge.device.files import sha256_of
from pipeline.bench.record import WORK


def make_environment(lock: Path) -> Path:
    """The folder of programs of the environment that the hashed `lock` file describes, made where that has changed.

    Raises Unavailable where it cannot be made, with what the installer said.
    """
    environment = WORK / "environments" / lock.stem
    programs, stamp = environment / "bin", environment / "made-from"
    if stamp.exists() and stamp.read_text() == sha256_of(lock):
        return programs
    shutil.rmtree(environment, ignore_errors=True)
    environment.parent.mkdir(parents=True, exist_ok=True)
    python = str(programs / "python")
    uv = shutil.which("uv")
    if uv is not None:
        _run(uv, "venv", "--quiet", "--python", sys.executable, str(environment))
        _run(uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", str(lock))
    else:
        _run(sys.executable, "-m", "venv", str(environment))
        _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r",
             str(lock))  # fmt: skip
    stamp.write_text(sha256_of(lock))
    return programs


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(command)}: exit status {done.returncode}\n{done.stderr[-2000:]}")
