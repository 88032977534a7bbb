"""What a supervisor and its workers, which may be of different versions, say to each other.

A worker is started with `serve-worker` and three descriptors: the listening socket; the exchange, through which workers
pass connections on; and its own socket to the supervisor. There it says one JSON object a line:

    {"ready": {"name", "version", "runtime", "fallback": [...], "exclusive": bool}}   once it answers
    {"failed": "why"}                                                                 where it cannot

then an empty line every second as long as it is alive. It hears words, one a line; the end of the stream is the end of
the supervisor, and the worker ends, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HAND_OVER = "hand-over"  # take nothing new, pass idle connections on, end
END = "end"  # take nothing new, answer what has begun, end


@dataclass(frozen=True)
class Options:
    """What every worker is told; `engines` and `telemetry` are folders. The rest as in `edgewise-device.pyz serve`."""

    runtime: str = "auto"
    threads: int = 1
    engines: Path | None = None
    telemetry: Path | None = None
    pixels: int = 25_000_000


def arguments_of(
    artifact: Path, slot: str, listener: int, exchange: tuple[int, int], control: int, options: Options
) -> list[str]:
    """The command line of `serve-worker`."""
    told: Sequence[tuple[str, object]] = (
        ("--artifact", artifact),
        ("--slot", slot),
        ("--fd", listener),
        ("--exchange", f"{exchange[0]},{exchange[1]}"),
        ("--control", control),
        ("--runtime", options.runtime),
        ("--threads", options.threads),
        ("--pixels", options.pixels),
        ("--engines", options.engines),
        ("--telemetry", options.telemetry),
    )
    return ["serve-worker", *(f"{name}={value}" for name, value in told if value not in (None, ""))]
