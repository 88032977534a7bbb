"""policy.json: which devices may have which bundle. It stands in the update repository as a signed file.

{"format": 1, "rollout": {"flowers-1.2.0-coral.bundle": 25}, "halted": ["flowers-1.1.0-coral.bundle"],
 "pins": {"<device id>": {"flowers": "1.1.0"}}}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.device.bundle.versions import version_key
from edge.device.errors import BadBundle, BadRepository

FORMAT = 1
NAME = "policy.json"
MOST_BYTES = 8 * 2**20  # pins of about 80,000 devices


@dataclass(frozen=True)
class Policy:
    """`rollout`: percent of the devices by file, all where it is silent. `pins`: versions by name, by device."""

    rollout: Mapping[str, float] = field(default_factory=dict)
    halted: tuple[str, ...] = ()
    pins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def percent(self, file: str) -> float:
        """How much of the fleet may have the bundle `file`."""
        return self.rollout.get(file, 100)


def position(device: str, file: str) -> float:
    """Where a device stands in the roll-out of a file, in percent: in [0, 100), the same for ever, and for each file
    another, so that not always the same devices go first."""
    digest = hashlib.sha256(f"{device}{file}".encode()).digest()
    # 53 bits: as many as a float holds, so that it stays below 100.
    return 100 * (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def covers(policy: Policy, device: str, file: str) -> bool:
    """Whether the roll-out of `file` has reached the device. More percent never leave out one that was reached."""
    return position(device, file) < policy.percent(file)


def policy_of(content: bytes) -> Policy:
    """The policy that `content`, a whole policy.json, holds.

    Raises BadRepository where it is of another format, or a field holds what it cannot.
    """
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise BadRepository(f"{NAME}: not readable as JSON; publish again with edgewise publish") from None
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        found = body.get("format") if isinstance(body, dict) else type(body).__name__
        raise BadRepository(f"{NAME}: format {found!r}, this runner reads {FORMAT}; update the runner first")
    rollout, halted, pins = body.get("rollout", {}), body.get("halted", []), body.get("pins", {})
    _require("rollout", rollout, "a percentage, 0 to 100, by file", _are_percentages)
    _require("halted", halted, "a list of files", lambda value: isinstance(value, list) and all(map(_is_text, value)))
    _require("pins", pins, "versions by name, by device", _are_pins)
    return Policy(rollout=rollout, halted=tuple(halted), pins=pins)


def as_json(policy: Policy) -> bytes:
    """What policy.json holds; the same policy makes the same bytes."""
    body = {
        "format": FORMAT,
        "rollout": dict(policy.rollout),
        "halted": sorted(policy.halted),
        "pins": {device: dict(pins) for device, pins in policy.pins.items()},
    }
    return (json.dumps(body, indent=1, sort_keys=True) + "\n").encode()


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_percentages(value: Any) -> bool:
    return isinstance(value, dict) and all(type(each) in (int, float) and 0 <= each <= 100 for each in value.values())


def _are_pins(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(each, dict) and all(map(_is_version, each.values())) for each in value.values()
    )


def _is_version(value: Any) -> bool:
    try:
        version_key(str(value))
    except BadBundle:
        return False
    return isinstance(value, str)


def _require(field_name: str, value: Any, expected: str, holds: Any) -> None:
    if not holds(value):
        raise BadRepository(f"{NAME}: {field_name}: received {str(value)[:80]!r}, expected {expected}")
