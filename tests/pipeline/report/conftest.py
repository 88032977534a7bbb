"""The finished run of the digits recipe, ready for the sections of the report to measure."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.device.contract import artifacts_of
from pipeline.data.source import silent
from pipeline.isolate import Child
from pipeline.recipe import load_recipe
from pipeline.report.inspection import Inspection
from pipeline.report.stage import inspect

ROOT = Path(__file__).resolve().parents[3]

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def inspection(finished_run: Path, quick_digits: tuple[str, ...]) -> Iterator[Inspection]:
    """Not to be changed by a test."""
    recipe = load_recipe(ROOT / "recipes" / "digits.toml", quick_digits[1::2])
    places = {folder.name: folder for folder in artifacts_of(finished_run)}
    with Child() as child:
        yield inspect(recipe, finished_run, places, child, silent)


@pytest.fixture(scope="session")
def reported(
    edgewise: Command, finished_run: Path, quick_digits: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A copy of the finished run with its report. Not to be changed by a test."""
    run = Path(shutil.copytree(finished_run, tmp_path_factory.mktemp("reported") / "digits"))
    done = edgewise("report", "recipes/digits.toml", *quick_digits, "--run", run)
    assert done.returncode == 0, done.stderr
    return run
