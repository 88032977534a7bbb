"""bundle.json: what a bundle is, which device it is for, what it needs there, and every file in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge.device.bundle.archive import is_name
from edge.device.bundle.versions import dotted_key, version_key
from edge.device.errors import BadBundle
from edge.device.files import read_json
from edge.device.typed import from_json

FORMAT = 1
NAME = "bundle.json"
_REMEDY = "make the bundle again with edgewise bundle"

MOST_FILES = 2_000
MOST_BYTES = 2 * 2**30

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class File:
    """A file of the bundle: its path, its bytes, its hexadecimal SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Need:
    """A runtime of the contract, with the package that brings it and the lowest version that reads the model."""

    runtime: str
    package: str
    version: str


@dataclass(frozen=True)
class Description:
    """`board`: the only one it is for, empty for any. `python`: the lowest that its runner needs, as "3.9".

    `runtimes`: one of them at least has to be on the device. `files`: all but bundle.json and the signature, sorted.
    """

    name: str
    version: str
    target: str
    precision: str
    python: str
    runtimes: tuple[Need, ...]
    files: tuple[File, ...]
    board: str = ""

    @property
    def file_name(self) -> str:
        """What the bundle's file is called: flowers-1.2.0-coral.bundle."""
        return f"{self.name}-{self.version}-{self.target}.bundle"

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)


def as_json(description: Description) -> dict[str, Any]:
    """What bundle.json holds."""
    return {"format": FORMAT, **asdict(description)}


def description_of(body: Any) -> Description:
    """A description from parsed JSON.

    Raises BadBundle, with the field's name, where it is of another format or a field lacks or holds what it cannot.
    """
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        found = body.get("format") if isinstance(body, dict) else type(body).__name__
        raise BadBundle(f"{NAME}: format {found!r}, this runner reads {FORMAT}; update the runner, or {_REMEDY}")
    try:
        description = from_json(Description, {name: value for name, value in body.items() if name != "format"})
        _require_possible(description)
    except ValueError as error:
        raise BadBundle(f"{NAME}: {error}; {_REMEDY}") from None
    return description


def read_description(folder: Path) -> Description:
    """The description of an unpacked bundle; raises BadArtifact where there is none, BadBundle where it is damaged."""
    return description_of(read_json(folder / NAME, "install the bundle again"))


def _require_possible(description: Description) -> None:
    """Raise ValueError where a value is of the right type and yet cannot be."""
    version_key(description.version)
    for field in ("name", "target", "precision"):
        _require(field, getattr(description, field), "letters, digits, - . and _", _WORD.fullmatch)
    _require("board", description.board, "letters, digits, - . and _", lambda text: not text or _WORD.fullmatch(text))
    _require("python", description.python, "a version, such as 3.9", dotted_key)
    for need in description.runtimes:
        _require("runtimes", need.version, "a version, such as 1.0.1", dotted_key)
    names = [file.name for file in description.files]
    _require("files", len(names), f"1 to {MOST_FILES:,} of them", lambda count: 1 <= count <= MOST_FILES)
    if names != sorted(set(names)):
        raise ValueError("files: expected each once, sorted by name")
    for file in description.files:
        _require("files.name", file.name, "a plain relative path", is_name)
        _require("files.sha256", file.sha256, "64 hexadecimal digits", _DIGEST.fullmatch)
        _require("files.size", file.size, "0 or more", lambda size: size >= 0)
    folders = {name.rsplit("/", depth + 1)[0] for name in names for depth in range(name.count("/"))}
    _require("files", sorted(folders & set(names)), "no name that is a file and a folder", lambda both: not both)
    _require("files", description.size, f"at most {MOST_BYTES:,} bytes", lambda size: size <= MOST_BYTES)


def _require(field: str, value: Any, expected: str, holds: Any) -> None:
    if not holds(value):
        raise ValueError(f"{field}: received {str(value)[:80]!r}, expected {expected}")


def same_files(files: Sequence[File], signed: dict[str, str]) -> bool:
    """Whether a description lists just the files that are signed for, bundle.json itself left aside."""
    return {file.name: file.sha256 for file in files} == {
        name: digest for name, digest in signed.items() if name != NAME
    }
