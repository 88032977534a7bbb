"""Files that are whole or absent: written under a temporary name, synced, then moved into place."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from edge.device.errors import BadArtifact

_CHUNK = 2**18  # bytes read at a time


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes; of a folder, over the names and hashes of all its files."""
    import hashlib  # which brings OpenSSL: not for processes that hash nothing

    if path.is_dir():
        files = sorted(each for each in path.rglob("*") if each.is_file())
        lines = (f"{sha256_of(each)}  {each.relative_to(path).as_posix()}\n" for each in files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(each.stat().st_size for each in files if each.is_file())


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` so that `path` holds either its old bytes or all the new ones, whenever the process dies."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def sync_folder(folder: Path) -> None:
    """Bring the names in `folder` to the disk: what was made or moved there survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, keys in the order given, atomically."""
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def read_json(path: Path, remedy: str = "delete its folder and make it again") -> Any:
    """Parse a JSON file of ours.

    Raises BadArtifact where the file is missing or is not JSON, which `remedy` mends.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        raise BadArtifact(f"{path}: not there; expected a file written by Edgewise") from None
    # Besides what is no JSON or no UTF-8: numbers of more digits than Python reads, and lists too deep to read.
    except (ValueError, RecursionError) as error:
        raise BadArtifact(f"{path}: not readable as JSON ({error}); {remedy}") from None


def replace_folder(new: Path, place: Path) -> None:
    """Move the finished folder `new` to `place`, where an older one may stand.

    POSIX cannot exchange two folders in one portable call: between the two renames the older one waits under
    `retired(place)`, from where `restore_folder` brings it back after a kill.
    """
    old = retired(place)
    if place.exists():
        if old.exists():
            shutil.rmtree(old)
        place.rename(old)
    new.rename(place)
    if old.exists():
        shutil.rmtree(old)


def restore_folder(place: Path) -> None:
    """Undo a `replace_folder` that was killed half-way; does nothing otherwise."""
    old = retired(place)
    if old.exists() and not place.exists():
        old.rename(place)


def retired(place: Path) -> Path:
    """Where `replace_folder` keeps the older folder for the moment of the exchange."""
    return place.with_name(f".{place.name}.old")
