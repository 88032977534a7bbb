"""Versions that this device could not run: remembered in ROOT/updates/failed.json, and not tried again.

    {"format": 1, "files": {"flowers-1.2.0-coral.bundle": {"attempts": 1, "reason": "the self-test failed: ..."}}}

A published version never changes, so its file's name says which one it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge.device.errors import BadArtifact
from edge.device.files import read_json, write_json
from edge.device.slots import Root

FORMAT = 1
_MOST_ATTEMPTS = 3  # that may end without a word: a version that takes the whole board down says no reason


def failed(root: Root) -> dict[str, str]:
    """Why each of them is not to be tried again, by file."""
    reasons = {}
    for file, entry in _read(root).items():
        if entry["reason"]:
            reasons[file] = entry["reason"]
        elif entry["attempts"] >= _MOST_ATTEMPTS:
            reasons[file] = f"its installation was cut off {entry['attempts']} times"
    return reasons


def begin(root: Root, file: str) -> None:
    """Count an attempt, before it is made."""
    entries = _read(root)
    attempts = entries.get(file, {"attempts": 0})["attempts"]
    _write(root, {**entries, file: {"attempts": attempts + 1, "reason": ""}})


def remember(root: Root, file: str, reason: str) -> None:
    """Not to try `file` again; it failed its self-test, or somebody went back from it."""
    entries = _read(root)
    attempts = entries.get(file, {"attempts": 0})["attempts"]
    _write(root, {**entries, file: {"attempts": attempts, "reason": reason}})


def forget(root: Root, file: str) -> None:
    """What `file` did before does not matter any more."""
    entries = _read(root)
    if entries.pop(file, None) is not None:
        _write(root, entries)


def _place(root: Root) -> Path:
    return root.updates / "failed.json"


def _read(root: Root) -> dict[str, dict[str, Any]]:
    place = _place(root)
    if not place.exists():
        return {}
    remedy = f"delete {place}, and every version may be tried again"
    body = read_json(place, remedy)
    entries = body.get("files") if isinstance(body, dict) and body.get("format") == FORMAT else None
    if not isinstance(entries, dict) or not all(map(_is_entry, entries.values())):
        raise BadArtifact(f"{place}: not of format {FORMAT}; {remedy}")
    return entries


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and type(entry.get("attempts")) is int and isinstance(entry.get("reason"), str)


def _write(root: Root, entries: dict[str, dict[str, Any]]) -> None:
    root.updates.mkdir(parents=True, exist_ok=True)
    write_json(_place(root), {"format": FORMAT, "files": entries})
