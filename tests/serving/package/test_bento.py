"""The package as a Bento: built offline, in a store of its own, and served."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

RunServer = Callable[..., AbstractContextManager[str]]
AssertGolden = Callable[[str, Path], None]

BENTOML = Path(sys.executable).parent / "bentoml"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The variables that give BentoML a store of its own, and no package index to ask."""
    return {
        "BENTOML_HOME": str(tmp_path_factory.mktemp("bentoml")),
        "BENTOML_DO_NOT_TRACK": "True",
        "UV_OFFLINE": "1",
        "PIP_NO_INDEX": "1",
    }


@pytest.fixture(scope="module")
def bento(packaged: Path, store: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the Bento that `bentoml build` makes of the package."""
    context = shutil.copytree(packaged, tmp_path_factory.mktemp("context") / "digits")
    command, environment = [BENTOML, "build"], {**os.environ, **store}
    done = subprocess.run(command, cwd=context, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(Path(store["BENTOML_HOME"]).glob("bentos/edgewise-digits/*/"))


def test_bento_answers_golden(
    bento: Path, store: Mapping[str, str], run_server: RunServer, assert_golden: AssertGolden, tmp_path: Path
) -> None:
    command = [BENTOML, "serve", "edgewise-digits:latest", "--host", "127.0.0.1", "--port", "{port}"]
    with run_server(command, tmp_path, store) as url:
        assert_golden(url, bento / "src" / "artifact")


def test_bento_holds_the_package_and_its_pinned_requirements(bento: Path, packaged: Path) -> None:
    source = bento / "src"
    for folder in ("serving", "edge", "artifact"):
        assert _files(source / folder) == _files(packaged / folder)
    assert _pins(packaged / "requirements.txt") == _pins(bento / "env" / "python" / "requirements.txt")


def test_bento_dockerfile_is_one_of_a_plain_python_and_another_user(bento: Path) -> None:
    lines = (bento / "env" / "docker" / "Dockerfile").read_text().splitlines()
    assert next(line for line in lines if line.startswith("FROM ")).startswith("FROM python:3.11-slim ")
    assert [line for line in lines if line.startswith("USER ")] == ["USER bentoml"]
    assert not [line for line in lines if "index-url" in line or "find-links" in line]


def _files(folder: Path) -> set[Path]:
    """All but what Python has cached since the Bento was served."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path for path in files if "__pycache__" not in path.parts}


def _pins(requirements: Path) -> dict[tuple[str, str], set[str]]:
    """Hashes by distribution and version; BentoML writes markers anew, and names itself again, without any."""
    found: dict[tuple[str, str], set[str]] = {}
    for entry in re.split(r"\n(?=\w)", requirements.read_text()):
        name, version = re.match(r"([\w.-]+)==([^\s;]+)", entry).groups()  # type: ignore[union-attr]
        found.setdefault((name, version), set()).update(re.findall(r"sha256:(\w+)", entry))
    return found
