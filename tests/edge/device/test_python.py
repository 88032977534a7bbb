"""What runs on devices runs in their Python, and needs nothing of the project but itself."""

import ast
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import vermin

ROOT = Path(__file__).resolve().parents[3]
DEVICE = ROOT / "edge" / "device"
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in DEVICE.rglob("*.py"))
NEWEST = (3, 9)
FOR_OLDER = "edge/device/accelerators/build_engine.py"  # runs by itself in Python 3.6, too

_BUILT_IN = {"bool", "bytes", "dict", "float", "int", "list", "set", "str", "tuple", "type"}
_IMPORT = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for module in sys.argv[2:]:
    importlib.import_module(module)
"""


@pytest.mark.parametrize("module", MODULES)
def test_module_needs_no_newer_python_than_boards_have(module: str) -> None:
    config = vermin.Config()
    # bytes have a decode(errors=...) as well, which it takes for that of Python 2's str.
    for name in ("str.decode(errors)", "str.decode(encoding)", "unicode.decode(errors)"):
        config.add_exclusion(name)
    visitor = vermin.visit((ROOT / module).read_text(), config)
    _, least = visitor.minimum_versions()
    newest = (3, 10) if _is_updates(module) else NEWEST
    assert least is None or tuple(least) <= newest, visitor.output_text()


@pytest.mark.parametrize("module", MODULES)
def test_module_evaluates_no_union_of_types(module: str) -> None:
    """Which Python 3.9 lacks, and vermin does not see; in annotations they stand for themselves."""
    tree = ast.parse((ROOT / module).read_text())
    evaluated = [
        node.lineno
        for node in _outside_annotations(tree)
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.BitOr)
        and any(map(_names_a_type, (node.left, node.right)))
    ]
    assert not evaluated
    annotated = any(isinstance(node, ast.AnnAssign | ast.arg | ast.FunctionDef) for node in ast.walk(tree))
    if annotated and module != FOR_OLDER:
        assert "from __future__ import annotations" in (ROOT / module).read_text()


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_nothing_of_the_project_from_elsewhere(module: str) -> None:
    ours = {"pipeline", "models", "serving", "edge", "tests"}
    imported = {name for node in ast.walk(ast.parse((ROOT / module).read_text())) for name in _imported(node)}
    strange = {name for name in imported if name.split(".")[0] in ours and not name.startswith("edge.device")}
    assert strange <= {"edge"}  # which is empty, and tells where the code lies


def test_all_of_it_imports_in_python_3_9(tmp_path: Path) -> None:
    python = _python_with_numpy(tmp_path)
    shutil.copytree(DEVICE, tmp_path / "code" / "edge" / "device", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "edge" / "__init__.py", tmp_path / "code" / "edge" / "__init__.py")
    names = [
        module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for module in MODULES
        if not module.endswith("__main__.py") and not _is_updates(module)
    ]
    done = subprocess.run(
        [python, "-I", "-c", _IMPORT, tmp_path / "code", *names], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr


def _is_updates(module: str) -> bool:
    """Whether it is of the command update, whose tuf asks for Python 3.10 itself."""
    return module.startswith(("edge/device/update", "edge/device/commands/update"))


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names]
    return []


def _outside_annotations(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _outside_annotations(child)


def _names_a_type(node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return node.id in _BUILT_IN
    return isinstance(node, ast.Constant) and node.value is None


def _python_with_numpy(tmp_path: Path) -> Path:
    """Python 3.9 in an environment of its own with numpy alone; skips where one or the other cannot be had."""
    installed = [*sorted(Path.home().glob(".pyenv/versions/3.9*/bin/python")), shutil.which("python3.9")]
    python, uv = next(filter(None, installed), None), shutil.which("uv")
    if python is None or uv is None:
        pytest.skip("needs Python 3.9 (python3.9, or pyenv's) and uv")
    own = tmp_path / "venv" / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", "--python", python, tmp_path / "venv"], check=True)
    done = subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", own, "numpy"], capture_output=True, text=True, timeout=300
    )
    if done.returncode and any(word in done.stderr for word in ("Failed to fetch", "connect", "dns error")):
        pytest.skip("needs the network, or uv's cache")
    assert done.returncode == 0, done.stderr
    return own
