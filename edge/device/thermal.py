"""How warm the board is, and whether it slows itself down, where it tells."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

SYS = Path("/sys")

_POSSIBLE = (-40.0, 150.0)  # degrees Celsius; some sensors tell nonsense while they sleep
_SLOWED = 0xF  # of vcgencmd's bits: under-voltage, frequency capped, throttled, soft temperature limit; as of now


@dataclass(frozen=True)
class Throttling:
    """`capped`: whether something holds the clock down at this moment; `events`: how often it happened since the start
    of the system. None where the board does not tell."""

    capped: bool | None
    events: int | None


def temperature(system: Path = SYS) -> float | None:
    """Degrees Celsius of the hottest sensor, None where there is none."""
    values = [_number(path) for path in system.glob("class/thermal/thermal_zone*/temp")]
    low, high = _POSSIBLE
    degrees = [value / 1000 for value in values if value is not None and low <= value / 1000 <= high]
    return max(degrees, default=None)


def throttling(system: Path = SYS) -> Throttling:
    """What the board tells now: a Raspberry Pi's firmware, the kernel's coolers and limits, an x86's counters."""
    told = [_raspberry(), _cooled(system), _limited(system)]
    known = [each for each in told if each is not None]
    counts = [_number(path) for path in system.glob("devices/system/cpu/cpu*/thermal_throttle/*_throttle_count")]
    events = [each for each in counts if each is not None]
    return Throttling(capped=any(known) if known else None, events=sum(events) if events else None)


def slowed(before: Throttling, *after: Throttling) -> bool | None:
    """Whether the device slowed itself down since `before`, None where it does not tell."""
    capped = [each.capped for each in after if each.capped is not None]
    counted = [each.events > before.events for each in after if each.events is not None and before.events is not None]
    return any((*capped, *counted)) if capped or counted else None


def _raspberry() -> bool | None:
    try:
        done = subprocess.run(
            ["vcgencmd", "get_throttled"],  # noqa: S607 - boards have it in different places
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"throttled=(0x[0-9a-fA-F]+)", done.stdout)
    return bool(int(found[1], 16) & _SLOWED) if found else None


def _cooled(system: Path) -> bool | None:
    """Whether a cooler that works by a slower processor is on."""
    states = [
        _number(device / "cur_state")
        for device in system.glob("class/thermal/cooling_device*")
        if re.search("cpufreq|processor", _text(device / "type"), re.IGNORECASE)
    ]
    known = [state for state in states if state is not None]
    return any(known) if known else None


def _limited(system: Path) -> bool | None:
    """Whether a processor may not reach the frequency that it has."""
    pairs = [
        (_number(policy / "scaling_max_freq"), _number(policy / "cpuinfo_max_freq"))
        for policy in system.glob("devices/system/cpu/cpufreq/policy*")
    ]
    known = [(now, most) for now, most in pairs if now is not None and most is not None]
    return any(now < most for now, most in known) if known else None


def _number(path: Path) -> int | None:
    try:
        return int(_text(path))
    except ValueError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:  # some sensors refuse to be read while they sleep
        return ""
