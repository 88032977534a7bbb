"""A device as the fleet's table, page and JSON show it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from edge.deploy.conversation import plain
from edge.deploy.seen import Seen, Server, Status

# serving: a server answers with the version in use; failed: it does not, or refused the newest; installed: no server
# runs; empty: nothing is installed.
Health = Literal["serving", "failed", "installed", "empty", ""]

SMALL_DRIFT, LARGE_DRIFT = 0.1, 0.25  # the usual reading of a population stability index: edge/device/telemetry.py


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a device told when it was last reached."""

    device_id: str = ""
    board: str = ""
    model: str = ""
    version: str = ""
    slot: str = ""
    runtime: str = ""
    health: Health = ""
    reason: str = ""
    fallback: tuple[str, ...] = ()
    latency_ms: float | None = None
    drift: float | None = None
    free_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Row:
    """`tried` and `last_seen`: seconds since 1970; the second is None where the device was never reached. `problem`:
    why it was not reached when last tried, empty where it was. `deployment`: what the last one came to, in words."""

    name: str
    address: str
    target: str
    tried: float | None = None
    last_seen: float | None = None
    problem: str = ""
    deployment: str = ""
    told: Told = field(default_factory=Told)

    @property
    def state(self) -> str:
        """Its health in a word, or that it is off."""
        return "unreachable" if self.problem else self.told.health or "not asked yet"

    @property
    def is_well(self) -> bool:
        return self.state in ("serving", "installed")

    @property
    def drift_words(self) -> str:
        """The figure, and how it is read."""
        drift = self.told.drift
        if drift is None:
            return ""
        reading = "none" if drift < SMALL_DRIFT else "small" if drift < LARGE_DRIFT else "large"
        return f"{drift:.2f} {reading}"


def told_by(seen: Seen) -> Told:
    """What is kept of what a device says."""
    status = seen.status or Status()
    server = status.server
    health, reason = _health(status)
    return Told(
        device_id=plain(status.id or ""),
        board=plain(status.board or seen.facts.model or ""),
        model=plain(status.name or ""),
        version=plain(status.version or ""),
        slot=plain(status.slot or ""),
        runtime=plain(server.runtime or "") if server else "",
        health=health,
        reason=plain(reason),
        fallback=tuple(map(plain, server.fallback)) if server else (),
        latency_ms=server.latency_ms if server else None,
        drift=_drift(status.telemetry),
        free_bytes=seen.facts.free_bytes,
    )


def _health(status: Status) -> tuple[Health, str]:
    if status.version is None:
        return "empty", "nothing is installed"
    server = status.server
    if server is None:
        return "installed", "no server runs"
    if server.state != "serving":
        return "failed", server.reason or f"the server is {server.state}"
    return ("failed", _refusal(server)) if server.refused else ("serving", "")


def _refusal(server: Server) -> str:
    refused = server.refused
    return f"refused {refused.version}: {refused.reason}" if refused else ""


def _drift(telemetry: Mapping[str, Any] | None) -> float | None:
    """The drift in what a device tells of its answers, where it counted enough of them."""
    drift = (telemetry or {}).get("drift")
    if isinstance(drift, bool) or not isinstance(drift, int | float) or not math.isfinite(drift):
        return None
    return float(drift)
