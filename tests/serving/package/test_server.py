"""The packaged server in an environment of its requirements alone."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

RunServer = Callable[..., AbstractContextManager[str]]
AssertGolden = Callable[[str, Path], None]


def _environment(folder: Path) -> Path:
    """A virtual environment by the very command of `folder`'s Containerfile; skips where packages cannot be had."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("needs uv, which installs from its cache within seconds")
    python = folder / ".venv" / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder / ".venv"], check=True)
    text = (folder / "Containerfile").read_text().replace("\\\n", " ")
    line = next(part for part in re.split("&&|\n", text) if "uv pip install" in part)
    command = shlex.split(line.replace("/opt/venv/bin/python", str(python)).replace("--no-cache", "").strip())
    done = subprocess.run([uv, *command[1:]], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode and any(word in done.stderr for word in ("Failed to fetch", "connect", "dns error")):
        pytest.skip("needs the network, or uv's cache")
    assert done.returncode == 0, done.stderr
    return python


def test_server_answers_golden_with_its_requirements_alone(
    own_package: Path, run_server: RunServer, assert_golden: AssertGolden
) -> None:
    python = _environment(own_package)
    variables = {"EDGEWISE_ARTIFACT": "artifact", "EDGEWISE_RUNTIME": "litert"}
    with run_server([python, "-m", "serving"], own_package, variables) as url:
        assert_golden(url, own_package / "artifact")
    names = subprocess.run(
        [python, "-c", "import importlib.util as u; print([n for n in ('tensorflow', 'pipeline') if u.find_spec(n)])"],
        capture_output=True, text=True, check=True, cwd=own_package,
    )  # fmt: skip
    assert names.stdout.strip() == "[]"


def test_server_leaves_nothing_behind_but_in_the_folder_for_temporary_files(
    own_package: Path, run_server: RunServer, assert_golden: AssertGolden, tmp_path: Path
) -> None:
    """As in an image whose root is read-only: its own folder and its home stay as they were."""
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    temporary.mkdir()
    before = sorted(own_package.rglob("*"))
    variables = {
        "EDGEWISE_ARTIFACT": "artifact", "EDGEWISE_WORKERS": "2", "HOME": str(home), "TMPDIR": str(temporary),
        "BENTOML_HOME": str(temporary / "bentoml"), "BENTOML_DO_NOT_TRACK": "True", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    with run_server([sys.executable, "-m", "serving"], own_package, variables) as url:
        assert_golden(url, own_package / "artifact")
    assert sorted(own_package.rglob("*")) == before
    assert not home.exists()
