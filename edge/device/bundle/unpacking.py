"""From a bundle's file to a folder, with nothing believed that is not signed for."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edge.device.bundle import archive, signature
from edge.device.bundle.description import MOST_BYTES, NAME, Description, File, description_of, same_files
from edge.device.errors import BadBundle, Unavailable
from edge.device.files import sync_folder

_MOST_HEAD = 2 * 2**20  # bytes of the signature, and of bundle.json
_CHUNK = 2**20
_SPARE = 16 * 2**20  # bytes that stay free on the disk


def read_head(file: Path, keys: Sequence[Path] | None) -> Description:
    """What the bundle `file` says of itself; its other files are not looked at.

    `keys`: public keys, one of which must have signed it; None believes it unverified, for showing it alone.
    Raises BadBundle where it is no bundle, is altered so far, or is signed by none of them.
    """
    with _opened(file) as opened:
        return _head(opened, file.stat().st_size, keys)[0]


def unpack(file: Path, folder: Path, keys: Sequence[Path]) -> Description:
    """Write the files of the bundle `file` into `folder`, which is made, each synced to the disk.

    Where it raises, `folder` may hold a part and is to be thrown away. Raises BadBundle where one byte is not as it was
    signed by one of `keys`, where a file is missing or too many; Unavailable where the disk has too little room.
    """
    with _opened(file) as opened:
        description, head = _head(opened, file.stat().st_size, keys)
        folder.mkdir(parents=True)
        _require_room(folder, description)
        for name, content in head.items():
            _write(folder / name, [content])
        for expected in description.files:
            _extract(opened, expected, folder)
        archive.read_end(opened)
    for path in [*(each for each in sorted(folder.rglob("*")) if each.is_dir()), folder]:
        sync_folder(path)
    return description


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    """The file, with its name before what is wrong with it."""
    try:
        if not file.is_file():
            raise BadBundle("not there; expected the file of a bundle")
        with file.open("rb") as opened:
            yield opened
    except BadBundle as error:
        raise BadBundle(f"{file}: {error}") from None


def _head(opened: BinaryIO, size: int, keys: Sequence[Path] | None) -> tuple[Description, dict[str, bytes]]:
    """The description, and the two files at the start by name."""
    signed_content = _read(opened, signature.NAME)
    signed = signature.listed_files(signed_content) if keys is None else signature.signed_files(signed_content, keys)
    content = _read(opened, NAME)
    if hashlib.sha256(content).hexdigest() != signed.get(NAME):
        raise BadBundle(f"{NAME}: not the one that was signed; the bundle was altered: get it again")
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise BadBundle(f"{NAME}: not readable as JSON; make the bundle again with edgewise bundle") from None
    description = description_of(body)
    if not same_files(description.files, signed):
        raise BadBundle(f"{NAME}: lists other files than the signature; make the bundle again with edgewise bundle")
    whole = archive.size_of_archive([len(signed_content), len(content), *(file.size for file in description.files)])
    if size != whole:
        raise BadBundle(f"{size:,} bytes, a bundle of these files has {whole:,}; it is cut short or altered")
    return description, {signature.NAME: signed_content, NAME: content}


def _read(opened: BinaryIO, expected: str) -> bytes:
    name, size = archive.read_header(opened, _MOST_HEAD)
    if name != expected:
        raise BadBundle(f"holds {name} where {expected} was expected; it is no bundle, or altered")
    content = opened.read(size)
    archive.read_padding(opened, size)
    return content


def _extract(opened: BinaryIO, expected: File, folder: Path) -> None:
    if archive.read_header(opened, MOST_BYTES) != (expected.name, expected.size):
        raise BadBundle(f"holds another file where {expected.name} was expected; it is altered: get it again")
    digest = hashlib.sha256()

    def content() -> Iterator[bytes]:
        left = expected.size
        while left:
            chunk = opened.read(min(left, _CHUNK))
            if not chunk:
                raise BadBundle(f"{expected.name}: cut short; get the bundle again")
            left -= len(chunk)
            digest.update(chunk)
            yield chunk

    _write(folder / expected.name, content())
    if digest.hexdigest() != expected.sha256:
        raise BadBundle(f"{expected.name}: not the one that was signed; the bundle was altered: get it again")
    archive.read_padding(opened, expected.size)


def _write(path: Path, content: Iterator[bytes] | Sequence[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        for chunk in content:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def _require_room(folder: Path, description: Description) -> None:
    free = shutil.disk_usage(folder).free
    if free < description.size + _SPARE:
        raise Unavailable(
            f"{folder}: {free:,} bytes are free, {description.file_name} takes {description.size + _SPARE:,}; "
            "free some and install it again"
        )
