"""edgewise-device.pyz: what runs on the device, as one file that Python executes (PEP 441)."""

import io
import zipfile
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import edge

PYTHON = "3.9"  # the oldest that it runs on
# python-tuf and what it imports, which are Python alone; `update` needs them, and nothing else does.
_PACKAGES = ("tuf", "securesystemslib", "urllib3")

_SHEBANG = b"#!/usr/bin/env python3\n"
_MAIN = "import sys\n\nfrom edge.device.__main__ import main\n\nsys.exit(main())\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time of a zip: the same sources are the same file


@cache
def runner() -> bytes:
    """The runner's bytes: edge.device, and the packages that it brings along with their licences."""
    content = io.BytesIO(_SHEBANG)
    content.seek(0, io.SEEK_END)
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, source in sorted({"__main__.py": _MAIN.encode(), **_own(), **_brought()}.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, source)
    return content.getvalue()


def brought_versions() -> dict[str, str]:
    """The packages inside the runner, and their versions."""
    return {name: distribution(name).version for name in _PACKAGES}


def _own() -> dict[str, bytes]:
    root = Path(edge.__file__).parent
    files = [root / "__init__.py", *(root / "device").rglob("*.py")]
    return {f"edge/{file.relative_to(root).as_posix()}": file.read_bytes() for file in files}


def _brought() -> dict[str, bytes]:
    found = {}
    for name in _PACKAGES:
        package = distribution(name)
        for path in package.files or ():
            ours = path.parts[0] == name and path.suffix == ".py"
            legal = ".dist-info" in path.parts[0] and "licen" in path.as_posix().lower().removeprefix(path.parts[0])
            if ours or legal or path.name == "METADATA":
                found[path.as_posix()] = Path(str(package.locate_file(path))).read_bytes()
                if ours:
                    # securesystemslib/_internal has none, and inside a zip Python then finds no package there.
                    found.setdefault((path.parent / "__init__.py").as_posix(), b"")
    return found
