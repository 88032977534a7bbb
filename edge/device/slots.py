"""Where a device keeps its models: two slots, a link to the one in use, and what is told about both.

trusted/*.pem      public keys whose bundles are accepted
slots/a, slots/b   an unpacked bundle each; one that stands here has passed its self-test
current            a link to one of them; exchanging it is the switch from one version to another
device.json        who the device is
incoming/          bundles on their way
serve.json         what the running server says of itself; it holds serve.lock while it runs
lock               held by whoever installs, rolls back or updates
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from edge.device.errors import BadArtifact, Unavailable
from edge.device.files import read_json, sync_folder, write_json
from edge.device.typed import from_json

FORMAT = 1
LETTERS = ("a", "b")
RUNNER = "edgewise-device.pyz"
ARTIFACT = "artifact"  # the folder of a slot that holds the artefact
VARIABLE = "EDGEWISE_ROOT"


@dataclass(frozen=True)
class Root:
    """The device's folder; every other place is made of it."""

    path: Path

    @property
    def trusted(self) -> Path:
        return self.path / "trusted"

    @property
    def slots(self) -> Path:
        return self.path / "slots"

    @property
    def current(self) -> Path:
        return self.path / "current"

    @property
    def incoming(self) -> Path:
        return self.path / "incoming"

    @property
    def engines(self) -> Path:
        return self.path / "engines"

    @property
    def telemetry(self) -> Path:
        return self.path / "telemetry"

    @property
    def updates(self) -> Path:
        return self.path / "updates"

    @property
    def device(self) -> Path:
        return self.path / "device.json"

    @property
    def server(self) -> Path:
        return self.path / "serve.json"

    @property
    def server_lock(self) -> Path:
        return self.path / "serve.lock"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    def keys(self) -> list[Path]:
        """The public keys that bundles may be signed with."""
        return sorted(self.trusted.glob("*.pem"))


@dataclass(frozen=True)
class Device:
    """`id` is made once, by chance. `target` and `board` come from the first bundle; empty before it."""

    id: str
    target: str = ""
    board: str = ""


def root_at(path: Path | None) -> Root:
    """The folder `path`, else $EDGEWISE_ROOT, else the one whose slot holds this program, else ~/edgewise."""
    told = os.environ.get(VARIABLE)
    place = path or (Path(told) if told else _own_folder() or Path.home() / "edgewise")
    return Root(path=place.expanduser().absolute())


def _own_folder() -> Path | None:
    """The device's folder, where the program that runs is a slot's."""
    slot = Path(sys.argv[0]).resolve().parent
    return slot.parents[1] if slot.name in LETTERS and slot.parent.name == "slots" else None


def read_device(root: Root) -> Device | None:
    """Who the device is, None where nothing was installed yet; raises BadArtifact where device.json is damaged."""
    if not root.device.exists():
        return None
    remedy = f"delete {root.device}, and the next install writes it anew"
    body = read_json(root.device, remedy)
    try:
        if not isinstance(body, dict) or body.pop("format", None) != FORMAT:
            raise ValueError(f"not of format {FORMAT}")
        return from_json(Device, body)
    except ValueError as error:
        raise BadArtifact(f"{root.device}: {error}; {remedy}") from None


def name_device(root: Root, target: str, board: str) -> Device:
    """The device, made where it is new; `target` and `board` fill what is still empty."""
    before = read_device(root)
    known = before or Device(id=str(uuid.uuid4()))
    device = replace(known, target=known.target or target, board=known.board or board)
    if device != before:
        root.path.mkdir(parents=True, exist_ok=True)
        write_json(root.device, {"format": FORMAT, **asdict(device)})
    return device


def current_slot(root: Root) -> Path | None:
    """The slot in use, None where there is none."""
    try:
        letter = root.current.readlink().name
    except OSError:
        return None
    slot = root.slots / letter
    return slot if letter in LETTERS and slot.is_dir() else None


def other_slot(root: Root, slot: Path | None) -> Path:
    """The slot that is free to be written where `slot` is in use."""
    return root.slots / next(letter for letter in LETTERS if slot is None or letter != slot.name)


def place_slot(root: Root, new: Path, slot: Path) -> None:
    """Move the tested folder `new` to `slot`, which is not in use. A kill leaves it there, or nothing."""
    shutil.rmtree(slot, ignore_errors=True)
    new.rename(slot)
    sync_folder(root.slots)


def switch(root: Root, slot: Path) -> None:
    """Make `slot` the one in use: one rename, after which the old one is not in use any more."""
    link = root.path / ".current.new"
    with suppress(FileNotFoundError):
        link.unlink()
    link.symlink_to(f"{root.slots.name}/{slot.name}")
    link.replace(root.current)
    sync_folder(root.path)


@contextmanager
def locked(root: Root) -> Iterator[None]:
    """Sole right to change slots.

    Raises Unavailable where another process has it.
    """
    root.path.mkdir(parents=True, exist_ok=True)
    with root.lock.open("a") as file:
        if not _take(file):
            raise Unavailable(f"{root.path}: another install, update or rollback is at work there; wait for it")
        yield


def server_of(root: Root) -> dict[str, Any] | None:
    """What the running server says of itself, None where none runs."""
    if not root.server_lock.exists():
        return None
    with root.server_lock.open("a") as file:
        if _take(file):
            return None
    body = read_json(root.server, "start the server again") if root.server.exists() else None
    return body if isinstance(body, dict) else None


def _take(file: IO[str]) -> bool:
    """Whether the file's lock was free; it is held until the file is closed, whatever ends the process."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
