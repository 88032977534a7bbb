"""manifest.json: what a stage made, from what, with what. Written last, so a folder that has one is complete."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge.device.errors import BadArtifact
from edge.device.files import read_json, sha256_of, write_json

FORMAT = 1
NAME = "manifest.json"
_LITTER = (".DS_Store", "Thumbs.db", "desktop.ini")  # left by file managers that looked at a folder


@dataclass(frozen=True)
class Manifest:
    """`settings`, `inputs`, `source` and `tools` tell what the outputs depend on; hashes are hexadecimal SHA-256."""

    stage: str
    settings: dict[str, Any]
    inputs: dict[str, str]
    source: str
    tools: dict[str, str]
    outputs: dict[str, str]

    def same_origin(self, other: Manifest) -> bool:
        """Whether both would be made from the same settings, inputs, source and tools."""
        return (self.stage, self.settings, self.inputs, self.source, self.tools) == (
            other.stage,
            other.settings,
            other.inputs,
            other.source,
            other.tools,
        )


def hash_outputs(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder` but the manifest, by path relative to it, in sorted order."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in (NAME, *_LITTER))
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest` into `folder`, closed by a digest over its own content."""
    body = {"format": FORMAT, **asdict(manifest)}
    write_json(folder / NAME, {**body, "digest": _digest(body)})


def read_manifest(folder: Path) -> Manifest:
    """Read a folder's manifest; the outputs themselves are not hashed (`verify_outputs` does).

    Raises BadArtifact where it is missing, of another format, or was changed after it was written.
    """
    path = folder / NAME
    body = read_json(path)
    if not isinstance(body, dict):
        raise BadArtifact(f"{path}: holds a JSON {type(body).__name__}, expected an object; {_AGAIN}")
    if body.get("format") != FORMAT:
        raise BadArtifact(
            f"{path}: format {body.get('format')!r}, this version of Edgewise reads {FORMAT}; "
            f"delete {folder} and make it again"
        )
    digest = body.pop("digest", None)
    if digest != _digest(body):
        raise BadArtifact(f"{path}: changed after it was written (its digest does not fit); {_AGAIN}")
    del body["format"]
    try:
        return Manifest(**body)
    except TypeError:
        raise BadArtifact(f"{path}: holds the fields {sorted(body)}, which are not a manifest's; {_AGAIN}") from None


def verify_outputs(folder: Path, manifest: Manifest) -> None:
    """Raise BadArtifact unless `folder` holds exactly the files of `manifest`, unchanged."""
    found = hash_outputs(folder)
    for name, expected in manifest.outputs.items():
        if name not in found:
            raise BadArtifact(f"{folder / name}: not there, though the manifest lists it; {_AGAIN}")
        if found[name] != expected:
            raise BadArtifact(
                f"{folder / name}: SHA-256 {found[name][:12]}…, the manifest says {expected[:12]}…; {_AGAIN}"
            )
    extra = sorted(set(found) - set(manifest.outputs))
    if extra:
        raise BadArtifact(f"{folder / extra[0]}: not listed in the manifest; remove it, or delete the folder")


_AGAIN = "delete that folder and make it again"


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
