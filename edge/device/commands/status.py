"""status: what is installed and how it goes, as one JSON object."""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

from edge.device.install import installed
from edge.device.slots import Root, current_slot, other_slot, read_device, server_of
from edge.device.subject import add_root, root_of
from edge.device.telemetry import summary

HELP = "Tell what is installed, what the server says of itself, and what device this is, as JSON."

_MODEL = Path("/proc/device-tree/model")  # boards tell their name there


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_root(parser)


def main(arguments: argparse.Namespace) -> int:
    sys.stdout.write(json.dumps(status(root_of(arguments))) + "\n")
    return 0


def status(root: Root) -> dict[str, Any]:
    """What `status` prints."""
    device, slot = read_device(root), current_slot(root)
    description = installed(slot)
    return {
        "root": str(root.path),
        "id": device.id if device else None,
        "target": device.target if device else None,
        "board": device.board or None if device else None,
        "slot": slot.name if slot else None,
        "name": description.name if description else None,
        "version": description.version if description else None,
        "previous": _previous(root, slot),
        "server": server_of(root),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "model": _MODEL.read_text().rstrip("\0\n") if _MODEL.exists() else None,
        "free_bytes": shutil.disk_usage(root.path if root.path.exists() else Path.home()).free,
        "telemetry": summary(root.telemetry, description.name, description.version) if description else None,
    }


def _previous(root: Root, slot: Path | None) -> dict[str, str] | None:
    """What `rollback` would go back to."""
    other = other_slot(root, slot)
    if slot is None or not other.is_dir():
        return None
    description = installed(other)
    return {"name": description.name, "version": description.version} if description else None
