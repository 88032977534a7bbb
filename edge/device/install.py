"""A bundle into the idle slot, and the switch to it. At every moment one tested version is in use, and stays so."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.device.bundle import Description, read_description, read_head, unpack
from edge.device.errors import BadArtifact, BadBundle, ProofFailed, Unavailable
from edge.device.requirements import require_fitting, require_newer
from edge.device.slots import (
    RUNNER,
    Root,
    current_slot,
    locked,
    name_device,
    other_slot,
    place_slot,
    read_device,
    server_of,
    switch,
)
from edge.device.update import failures

Report = Callable[[dict[str, Any]], None]

_POLL = 0.02  # seconds between two looks at what the server says
# Seconds that a self-test may take: a Jetson builds its engine in it.
_PATIENCE = {"jetson": 3600.0}
_PATIENCE_ELSE = 180.0


def install(file: Path, root: Root, *, allow_downgrade: bool, report: Report, wait: float = 60.0) -> Description:
    """Make the bundle `file` the version in use: verify, unpack, self-test, switch, see the server take it over.

    `report` gets an object for each step that is done. `wait`: seconds that a running server has for taking it over.
    Nothing is in use that has not passed its self-test; where the server does not come up with it, the version before
    is put back. A kill at any moment leaves one of the two in use, and the next install cleans up.

    Raises BadBundle where the bundle is refused, Unavailable where another installs or the disk is full, ProofFailed
    where the self-test fails or the server refuses it.
    """
    with locked(root):
        description = read_head(file, root.keys())
        before = settled(root, wait)
        require_fitting(description, read_device(root))
        require_newer(description, installed(before), allow_downgrade=allow_downgrade)
        report({"step": "verified", "name": description.name, "version": description.version})
        slot = other_slot(root, before)
        new = root.slots / f".{slot.name}.new"
        shutil.rmtree(new, ignore_errors=True)
        try:
            if unpack(file, new, root.keys()) != description:
                raise BadBundle(f"{file}: changed while it was installed; install it again")
            report({"step": "unpacked", "slot": slot.name})
            report({"step": "tested", **self_test(root, new, description)})
            place_slot(root, new, slot)
        finally:
            shutil.rmtree(new, ignore_errors=True)
        name_device(root, description.target, description.board)
        change_over(root, before, slot, description, report, wait)
        report({"step": "done", "name": description.name, "version": description.version, "slot": slot.name})
    return description


def roll_back(root: Root, report: Report, wait: float = 60.0) -> Description:
    """Go back to the version in the other slot, once it has passed its self-test again.

    Raises BadArtifact where there is none, and what `install` raises of the self-test and the server.
    """
    with locked(root):
        before = settled(root, wait)
        slot = other_slot(root, before)
        if before is None or not (slot / "bundle.json").exists():
            raise BadArtifact(f"{root.path}: no other version to go back to; install one")
        description = read_description(slot)
        report({"step": "tested", **self_test(root, slot, description)})
        left = installed(before)
        change_over(root, before, slot, description, report, wait)
        if left is not None:
            failures.remember(root, left.file_name, "somebody went back from it")  # lest update returns
        report({"step": "done", "name": description.name, "version": description.version, "slot": slot.name})
    return description


def installed(slot: Path | None) -> Description | None:
    """What a slot holds; None where it holds nothing, or is damaged: whatever comes is better then."""
    try:
        return None if slot is None else read_description(slot)
    except (BadArtifact, BadBundle):
        return None


def settled(root: Root, wait: float) -> Path | None:
    """The slot in use, which a running server has taken over or refused, as an earlier install may have been cut off
    before it saw that. Where the server refused it, the version that it kept is put back first.

    Raises Unavailable where the server does neither in `wait` seconds.
    """
    slot, end = current_slot(root), time.monotonic() + wait
    while True:
        server = server_of(root)
        if slot is None or server is None or server.get("slot") == slot.name or server.get("state") == "failed":
            return slot
        refused, kept = server.get("refused"), root.slots / str(server.get("slot"))
        if isinstance(refused, dict) and refused.get("slot") == slot.name and kept == other_slot(root, slot):
            switch(root, kept)
            return kept
        if time.monotonic() >= end:
            raise Unavailable(f"{root.path}: the server is still busy with an earlier switch; try again, or restart it")
        time.sleep(_POLL)


def self_test(root: Root, slot: Path, description: Description) -> dict[str, Any]:
    """What the slot's own runner says of its golden vectors, in a process of its own.

    Raises ProofFailed where it fails, crashes or takes too long.
    """
    command = [sys.executable, str(slot / RUNNER), "selftest", "--root", str(root.path), "--bundle", str(slot)]
    patience = _PATIENCE.get(description.target, _PATIENCE_ELSE)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=False)
    except subprocess.TimeoutExpired:
        raise ProofFailed(
            f"{description.file_name}: the self-test took more than {patience:.0f} s; nothing was changed"
        ) from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"no message, exit {done.returncode}"])[-1]
        raise ProofFailed(f"{description.file_name}: the self-test failed: {last}; nothing was changed")
    try:
        told = json.loads(done.stdout)
    except ValueError:
        raise ProofFailed(f"{description.file_name}: the self-test said {done.stdout[:80]!r}, no JSON") from None
    return {name: told.get(name) for name in ("runtime", "fallback", "vectors", "seconds")}


def change_over(
    root: Root, before: Path | None, slot: Path, description: Description, report: Report, wait: float
) -> None:
    """Switch to `slot`, and see a running server answer with it; otherwise back to `before`.

    A `slot` that the server refused is cleared.
    """
    earlier = _attempt(server_of(root))
    start = time.perf_counter()
    switch(root, slot)
    report({"step": "switched", "slot": slot.name, "milliseconds": round(1000 * (time.perf_counter() - start), 3)})
    if server_of(root) is None:
        return
    reason = _wait_for_server(root, slot, earlier, wait)
    if reason is None:
        report({"step": "serving", "version": description.version})
        return
    if before is not None:
        switch(root, before)
    else:
        root.current.unlink()
    if _attempt(server_of(root)) > earlier:  # refused, not only slow or ended: nobody is to go back to it
        shutil.rmtree(slot)
    back = "the version before is in use again" if before else "there is no version before"
    raise ProofFailed(f"{description.file_name}: the server does not come up with it: {reason}; {back}")


def _wait_for_server(root: Root, slot: Path, earlier: int, wait: float) -> str | None:
    """None once the server answers from `slot`, else what keeps it from that."""
    end = time.monotonic() + wait
    while time.monotonic() < end:
        server = server_of(root)
        if server is None:
            return "it ended"
        refused = server.get("refused")
        if isinstance(refused, dict) and refused.get("slot") == slot.name and _attempt(server) > earlier:
            return str(refused.get("reason"))
        if (server.get("slot"), server.get("state")) == (slot.name, "serving"):
            return None
        time.sleep(_POLL)
    return f"it still answers with the version before after {wait:g} s"


def _attempt(server: dict[str, Any] | None) -> int:
    """The number of the hand-over that the server refused last, -1 where none was."""
    refused = (server or {}).get("refused")
    return int(refused.get("attempt", 0)) if isinstance(refused, dict) else -1
