"""Bundles on their way into a repository."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from tuf.api.metadata import TargetFile

from edge.device.bundle import Description, read_head, unpack
from edge.device.files import sha256_of


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle's file, with what it says of itself, its bytes and hexadecimal SHA-256."""

    path: Path
    description: Description
    size: int
    sha256: str

    def target(self) -> TargetFile:
        """What the repository says of it."""
        told = {name: getattr(self.description, name) for name in ("name", "version", "target", "board")}
        return TargetFile(
            length=self.size,
            hashes={"sha256": self.sha256},
            path=self.description.file_name,
            unrecognized_fields={"custom": told},
        )


def read_bundle(path: Path, key: Path | None) -> Bundle:
    """The bundle `path`; raises BadBundle where it is none, or where `key` is given and has not signed all of it."""
    if key is None:
        description = read_head(path, None)
    else:
        with tempfile.TemporaryDirectory(prefix="edgewise-") as folder:
            description = unpack(path, Path(folder) / "bundle", [key])
    return Bundle(path=path, description=description, size=path.stat().st_size, sha256=sha256_of(path))
