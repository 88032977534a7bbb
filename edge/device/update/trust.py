"""The root metadata that a device believes from the start: everything else of a repository is verified from there."""

from __future__ import annotations

import json
from pathlib import Path

from edge.device.errors import BadArtifact, BadRepository
from edge.device.files import write_bytes
from edge.device.slots import Root

_MOST_BYTES = 512_000  # as python-tuf reads


def trust(root: Root, file: Path) -> None:
    """Keep `file`, a repository's root.json, as what this device believes.

    Raises BadRepository where it is none.
    """
    if not file.is_file() or file.stat().st_size > _MOST_BYTES:
        raise BadRepository(f"{file}: not there, or no root metadata; `edgewise publish` names the file to take")
    content = file.read_bytes()
    try:
        body = json.loads(content)
        kind, keys = body["signed"]["_type"], body["signed"]["roles"]["timestamp"]["keyids"]
    except (ValueError, TypeError, LookupError, RecursionError):
        kind, keys = None, None
    if kind != "root" or not keys:
        raise BadRepository(f"{file}: no root metadata; take metadata/1.root.json of the update repository")
    root.updates.mkdir(parents=True, exist_ok=True)
    write_bytes(_place(root), content)


def trusted(root: Root) -> bytes:
    """The bytes of what is believed; raises BadArtifact where nothing is yet."""
    if not _place(root).is_file():
        raise BadArtifact(
            f"{_place(root)}: not there, so no repository is believed; give its metadata/1.root.json "
            "with --trust FILE, or with enroll --root-metadata FILE"
        )
    return _place(root).read_bytes()


def _place(root: Root) -> Path:
    return root.updates / "root.json"
