"""The requirements of a package: enough for what the server imports, no more than its runtime, all pinned."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest
from packaging.utils import canonicalize_name

from edge.device.errors import Unavailable
from serving.package.build import server_files
from serving.package.requirements import DISTRIBUTIONS, requirements_for

ROOT = Path(__file__).resolve().parents[3]
TRAINING = {"tensorflow", "tf-keras", "keras", "tensorflow-model-optimization", "scikit-learn", "onnx", "tf2onnx"}


def _names(requirements: str) -> set[str]:
    return {canonicalize_name(line.split("==")[0]) for line in requirements.splitlines() if re.match(r"\w", line)}


def _imported() -> set[str]:
    """The top-level modules that the packaged server's source imports, at its head or in a function."""
    modules = set()
    for file in (path for path in server_files() if path.suffix == ".py"):
        for node in ast.walk(ast.parse((ROOT / file).read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module.split(".")[0])
    return modules - sys.stdlib_module_names - {"serving", "edge"}


def test_package_holds_every_module_that_the_server_imports_and_no_other_of_edge() -> None:
    graph = grimp.build_graph("serving", "edge")
    own = [name for name in graph.modules if name.startswith("serving") and not name.startswith("serving.package")]
    imported = {each for name in own for each in graph.find_upstream_modules(name) if each.startswith("edge.device.")}
    copied = {path.with_suffix("").as_posix().replace("/", ".") for path in server_files() if path.parts[0] == "edge"}
    assert copied == imported | {"edge.__init__", "edge.device.__init__"}


@pytest.mark.parametrize("runtime", DISTRIBUTIONS)
def test_requirements_have_every_import_of_the_server(runtime: str) -> None:
    found = _names(requirements_for(runtime, ROOT))
    other_runtimes = {name for name in DISTRIBUTIONS.values() if name != DISTRIBUTIONS[runtime]}
    owners = packages_distributions()
    for module in _imported():
        distributions = {canonicalize_name(name) for name in owners[module]}
        assert distributions & (found | other_runtimes), module


@pytest.mark.parametrize("runtime", DISTRIBUTIONS)
def test_requirements_have_one_runtime_and_nothing_of_training(runtime: str) -> None:
    found = _names(requirements_for(runtime, ROOT))
    assert found & set(DISTRIBUTIONS.values()) == {DISTRIBUTIONS[runtime]}
    assert not found & TRAINING


@pytest.mark.parametrize("runtime", DISTRIBUTIONS)
def test_requirements_are_pinned_and_hashed_as_in_the_lock_file(runtime: str) -> None:
    text = requirements_for(runtime, ROOT)
    lock = (ROOT / "requirements.lock").read_text()
    for entry in re.split(r"\n(?=\w)", text.strip()):
        assert re.match(r"[\w.-]+==\S+", entry)
        assert "--hash=sha256:" in entry
        assert entry in lock


def test_requirements_keep_each_python_version_of_a_distribution() -> None:
    pins = re.findall(r"^numpy==.*?;(.*?)\\", requirements_for("litert", ROOT), re.MULTILINE)
    assert {marker.strip() for marker in pins} == {"python_full_version < '3.12'", "python_full_version >= '3.12'"}


def test_requirements_are_refused_where_the_lock_file_lacks_one(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    lock = (ROOT / "requirements.lock").read_text()
    (tmp_path / "requirements.lock").write_text(re.sub(r"(?m)^uvloop==", "uvlooop==", lock))
    with pytest.raises(Unavailable, match=r"lacks uvloop; .*make lock"):
        requirements_for("litert", tmp_path)


def test_requirements_are_refused_outside_of_a_clone(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="clone of the repository"):
        requirements_for("litert", tmp_path)
