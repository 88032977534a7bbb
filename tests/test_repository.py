"""Laws of the repository itself."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("package", ["pipeline", "models", "edge", "serving"])
def test_package_resolves_inside_the_repository(package: str) -> None:
    # Another distribution may install a top-level `models`.
    assert Path(importlib.import_module(package).__file__).is_relative_to(ROOT)


def test_lock_file_names_no_host_and_hashes_everything() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"https?:|index-url|find-links", text)
    pins = re.findall(r"^[\w.-]+==\S+", text, re.MULTILINE)
    assert len(pins) > 50
    assert len(re.findall(r"^[\w.-]+==[^\n]*\\\n    --hash=sha256:", text, re.MULTILINE)) == len(pins)


def test_tensorflow_stays_out_of_the_command_line_serving_and_device_code() -> None:
    code = (
        "import sys, pipeline.cli, pipeline.stages, pipeline.export, serving, edge.targets, edge.device.runtimes;"
        "print([m for m in ('tensorflow', 'tf_keras', 'onnx', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_recipes_all_load() -> None:
    from pipeline.recipe import load_recipe

    recipes = sorted((ROOT / "recipes").glob("*.toml"))
    assert {path.stem for path in recipes} >= {"digits", "flowers", "cifar10", "fashion", "cats_vs_dogs"}
    for path in recipes:
        assert load_recipe(path).name == path.stem
