"""The device's folder, with the tiny artefact in its slots."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.device.bundle.description import Description, File, Need, as_json
from edge.device.files import sha256_of, write_json

LABELS = ("cat", "dog", "owl")

MakeArtifact = Callable[..., Path]
MakeSlot = Callable[[Path, str, str], Path]


@pytest.fixture(scope="session")
def make_slot(make_artifact: MakeArtifact) -> MakeSlot:
    """Lay the artefact down in slot `letter` of the device's folder `root`, as `version`, without a runner of its own:
    the present code runs it. The slot is not switched to."""

    def make(root: Path, letter: str, version: str) -> Path:
        slot = root / "slots" / letter
        shutil.rmtree(slot, ignore_errors=True)
        new = root / "slots" / f".{letter}.new"
        make_artifact(new / "artifact", version=version)
        (new / "labels.txt").write_text("\n".join(LABELS) + "\n")
        describe(new, version)
        new.rename(slot)
        return slot

    return make


def describe(slot: Path, version: str) -> None:
    """Write the bundle.json of what the slot holds now, unsigned."""
    paths = sorted(path for path in slot.rglob("*") if path.is_file() and path.name not in ("bundle.json", "model.sig"))
    files = [
        File(name=path.relative_to(slot).as_posix(), size=path.stat().st_size, sha256=sha256_of(path)) for path in paths
    ]
    description = Description(
        name="tiny",
        version=version,
        target="cpu",
        precision="int8-ptq",
        python="3.9",
        runtimes=(Need(runtime="litert", package="ai-edge-litert", version="1.0.1"),),
        files=tuple(sorted(files, key=lambda file: file.name)),
    )
    write_json(slot / "bundle.json", as_json(description))
