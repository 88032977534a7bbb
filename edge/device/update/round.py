"""One update: look, choose, fetch, install; and what is remembered of a version that did not do."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from edge.device.bundle import read_description
from edge.device.errors import BadArtifact, EdgewiseError, ProofFailed, Unavailable
from edge.device.install import install
from edge.device.slots import Root, current_slot, locked, read_device
from edge.device.update import failures
from edge.device.update.choice import Choice, Offer, choose
from edge.device.update.client import fetch, held, look
from edge.device.update.fetcher import Fetcher

Report = Callable[[dict[str, Any]], None]

_SPARE = 16 * 2**20  # bytes that stay free on the disk


def update(root: Root, url: str, fetcher: Fetcher, report: Report, *, pin: str = "", wait: float = 60.0) -> None:
    """Bring this device to the version that the repository at `url` has for it, if any; `report` gets each step.

    Raises what `check` and `install` raise; a version that does not pass its self-test is remembered, and not tried
    again. A kill at any moment leaves what was installed in use, and what was fetched for the next time.
    """
    with alone(root):
        offer = check(root, url, fetcher, report, pin=pin).offer
        if offer is None:
            return
        before = held(root, offer)
        _require_room(root, offer.size - before)
        report({"step": "downloading", "bundle": offer.file, "bytes": offer.size, "held": before})
        start = time.monotonic()
        file = fetch(root, url, fetcher, offer)
        report({"step": "downloaded", "bundle": offer.file, "seconds": round(time.monotonic() - start, 3)})
        _install(root, offer, file, report, wait)


def check(root: Root, url: str, fetcher: Fetcher, report: Report, *, pin: str = "") -> Choice:
    """What of the repository at `url` is for this device.

    Raises BadArtifact where nothing is installed yet, and what `look` raises.
    """
    slot, device = current_slot(root), read_device(root)
    if slot is None or device is None:
        raise BadArtifact(f"{root.path}: nothing is installed yet, so nothing says which model to update; install one")
    installed = read_description(slot)
    seen = look(root, url, fetcher)
    failures.forget(root, installed.file_name)  # it is in use: an earlier failure of it has been mended
    choice = choose(seen.offers, device, installed, seen.policy, failures.failed(root), pin)
    offer = choice.offer
    report(
        {
            "step": "checked",
            "name": installed.name,
            "version": installed.version,
            "offer": None if offer is None else {"bundle": offer.file, "version": offer.version, "bytes": offer.size},
            "passed": list(choice.passed),
            "up_to_date": offer is None and not choice.passed,
            "expires": seen.expires,
            "clock": seen.clock,
        }
    )
    return choice


def alone(root: Root) -> AbstractContextManager[None]:
    """Sole right to what stands in ROOT/updates: python-tuf wants it for itself. `install` takes the device's own."""
    return locked(Root(path=root.updates))


def _install(root: Root, offer: Offer, file: Path, report: Report, wait: float) -> None:
    failures.begin(root, offer.file)
    try:
        install(file, root, allow_downgrade=False, report=report, wait=wait)
    except ProofFailed as error:
        failures.remember(root, offer.file, f"failed here: {error}")
        file.unlink()
        raise
    except (EdgewiseError, OSError):
        # Refused, or the disk is full: nothing was tried, and what was fetched may serve once that is put right.
        failures.forget(root, offer.file)
        raise
    failures.forget(root, offer.file)
    file.unlink()


def _require_room(root: Root, wanted: int) -> None:
    free = shutil.disk_usage(root.path).free
    if free < wanted + _SPARE:
        raise Unavailable(f"{root.path}: {free:,} bytes are free, the update takes {wanted + _SPARE:,}; free some")
