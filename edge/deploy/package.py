"""A bundle as it is sent: its file by its hash, and the runner that is inside it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.device.bundle import Description, archive, read_head, signature
from edge.device.bundle.description import MOST_BYTES
from edge.device.bundle.description import NAME as DESCRIPTION
from edge.device.errors import BadBundle
from edge.device.files import sha256_of
from edge.device.requirements import RUNNABLE
from edge.device.slots import RUNNER


@dataclass(frozen=True, kw_only=True)
class Package:
    """`described`: hexadecimal SHA-256 of bundle.json, which names the hash of every file: the same one is the same
    bundle. Nothing in it is verified until `require_signed`."""

    file: Path
    size: int
    sha256: str
    description: Description
    described: str
    runner: bytes

    @property
    def runner_sha256(self) -> str:
        return hashlib.sha256(self.runner).hexdigest()

    @property
    def runner_name(self) -> str:
        """What the runner is called on the device."""
        return f"edgewise-device-{self.runner_sha256[:12]}.pyz"

    @property
    def file_name(self) -> str:
        """What the bundle is called on the device."""
        return f"{self.sha256}.bundle"


def read_package(file: Path) -> Package:
    """The package of the bundle `file`.

    Raises BadBundle where it is no bundle, is altered, or is for a target whose artefacts are not run by the runner.
    """
    description = read_head(file, None)
    if description.target not in RUNNABLE:
        raise BadBundle(
            f"{file}: for {description.target}, whose artefacts are flashed, not deployed: docs/targets.md; what is "
            f"deployed is for {', '.join(RUNNABLE)}"
        )
    described, runner = _contents(file, description)
    return Package(
        file=file,
        size=file.stat().st_size,
        sha256=sha256_of(file),
        description=description,
        described=hashlib.sha256(described).hexdigest(),
        runner=runner,
    )


def require_signed(package: Package, keys: Sequence[Path]) -> None:
    """Raise BadBundle unless one of `keys` signed for the package, so that its runner may be started."""
    if read_head(package.file, keys) != package.description:
        raise BadBundle(f"{package.file}: changed while it was deployed; deploy it again")


def _contents(file: Path, description: Description) -> tuple[bytes, bytes]:
    """bundle.json and the runner."""
    expected = {each.name: each.sha256 for each in description.files}
    if RUNNER not in expected:
        raise BadBundle(f"{file}: holds no {RUNNER}; make the bundle again with edgewise bundle")
    found = {}
    with file.open("rb") as opened:
        for _ in (signature.NAME, DESCRIPTION, *expected):
            name, size = archive.read_header(opened, MOST_BYTES)
            if name in (DESCRIPTION, RUNNER):
                found[name] = opened.read(size)
                archive.read_padding(opened, size)
            else:
                opened.seek(size + len(archive.padding(size)), 1)
    if hashlib.sha256(found.get(RUNNER, b"")).hexdigest() != expected[RUNNER]:
        raise BadBundle(f"{file}: {RUNNER}: not the one that was signed; the bundle was altered: get it again")
    return found[DESCRIPTION], found[RUNNER]
