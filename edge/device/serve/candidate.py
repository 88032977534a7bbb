"""What a server may serve: the bundle in a slot, or one that it was given."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edge
from edge.device.errors import BadArtifact
from edge.device.files import read_json
from edge.device.slots import ARTIFACT, RUNNER, Root, current_slot, other_slot

# Seconds that a worker may take to be ready: a Jetson whose software is new builds its engine again.
_PATIENCE = {"jetson": 3600.0}
_PATIENCE_ELSE = 60.0


@dataclass(frozen=True)
class Candidate:
    """`slot` is empty for what is in none. `stamp` tells it from what stood in the same slot before or will."""

    artifact: Path
    slot: str = ""
    version: str = ""
    patience: float = _PATIENCE_ELSE
    runner: Path | None = None
    stamp: tuple[int, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """What shall be served, the best first; `stamp` changes when somebody asks for another, or again for the same."""

    stamp: object = None
    candidates: tuple[Candidate, ...] = ()


class Watch:
    """Looks at what shall be served in `root`: the slot in use, and where that cannot be served the other one."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._last = Wanted()

    def look(self) -> Wanted:
        slot = current_slot(self._root)
        slots = () if slot is None else (slot, other_slot(self._root, slot))
        stamp = (slot, _stamp(self._root.current), *map(_stamp, slots))
        if stamp != self._last.stamp:
            self._last = Wanted(stamp=stamp, candidates=tuple(filter(None, map(_in_slot, slots))))
        return self._last


def program_of(candidate: Candidate) -> tuple[list[str], dict[str, str]]:
    """How to start its runner, its own where it brings one, else the present one; and the variables to add."""
    if candidate.runner is not None:
        return [sys.executable, str(candidate.runner)], {}
    here = Path(str(edge.__file__)).parents[1]
    if here.is_file():  # the zipapp that this is
        return [sys.executable, str(here)], {}
    path = os.pathsep.join(filter(None, (str(here), os.environ.get("PYTHONPATH"))))
    return [sys.executable, "-m", "edge.device"], {"PYTHONPATH": path}


def _in_slot(slot: Path) -> Candidate | None:
    stamp = _stamp(slot)
    if not stamp:
        return None
    described = _described(slot)
    runner = slot / RUNNER
    return Candidate(
        artifact=slot / ARTIFACT,
        slot=slot.name,
        version=str(described.get("version", "")),
        patience=_PATIENCE.get(str(described.get("target")), _PATIENCE_ELSE),
        runner=runner if runner.is_file() else None,
        stamp=stamp,
    )


def _stamp(path: Path) -> tuple[int, ...]:
    """Tells a folder or link from what took its place; of a link also one that led there again. Empty where none is."""
    try:
        found = path.lstat()
    except OSError:
        return ()
    return (found.st_dev, found.st_ino, *((found.st_mtime_ns,) if path.is_symlink() else ()))


def _described(slot: Path) -> dict[str, Any]:
    """Its bundle.json as it stands: whether it holds is for the worker to say."""
    try:
        body = read_json(slot / "bundle.json")
    except (BadArtifact, OSError):
        return {}
    return body if isinstance(body, dict) else {}
