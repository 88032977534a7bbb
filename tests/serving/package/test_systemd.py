"""The systemd unit, judged by systemd itself."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from serving import run


@pytest.fixture(scope="session")
def unit(packaged: Path) -> Path:
    return packaged / "edgewise-digits.service"


@pytest.fixture
def analyze() -> str:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("needs systemd-analyze")
    return program


def test_unit_verifies(analyze: str, unit: Path) -> None:
    done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False)
    # That its program is not installed on this machine is all there is to say.
    complaints = [line for line in done.stderr.splitlines() if "is not executable: No such file" not in line]
    assert not complaints


def test_unit_is_hardly_exposed(analyze: str, unit: Path) -> None:
    """At most 2.0 of systemd's 10, where a unit without any hardening has 9.6."""
    command = [analyze, "security", "--offline=true", "--threshold=20", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("needs systemd 250 or later")
    assert done.returncode == 0, done.stdout


def test_unit_lets_requests_end_and_reloads_by_signal(unit: Path) -> None:
    class Parser(configparser.ConfigParser):
        optionxform = staticmethod(str)  # type: ignore[assignment]

    parser = Parser(strict=False, interpolation=None)
    parser.read(unit)
    service = parser["Service"]
    assert int(service["TimeoutStopSec"]) > run.DRAIN
    assert service["KillSignal"] == "SIGTERM"
    assert service["ExecReload"] == "kill -HUP $MAINPID"
    assert service["ExecStart"] == "/opt/edgewise/digits/.venv/bin/python -m serving"
