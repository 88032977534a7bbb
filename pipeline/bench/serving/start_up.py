"""How soon the service is ready, and what it holds once it is at work."""

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.bench.cores import Cores
from pipeline.bench.process_tree import memory
from pipeline.bench.serving.candidates import EDGEWISE
from pipeline.bench.serving.load import closed_loop
from pipeline.bench.serving.players import serving
from pipeline.bench.serving.tasks import Task

_MIB = 2**20
_REQUESTS = 1_000


def start_up(task: Task, cores: Cores, starts: int, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Seconds from the start of the process to its first 200 of /readyz, of so many starts in a row; and the memory of
    one process after 1,000 requests of `task`. The command line's own start is in it; files are in the page cache."""
    seconds = []
    held = None
    for number in range(starts):
        say(f"start {number + 1} of {starts}")
        with serving(f"edgewise-{number}", EDGEWISE, task, cores, folder) as player:
            seconds.append(player.server.ready_after)
            if number == starts - 1:
                with player.server.awake():
                    closed_loop(player.server.port, player.request, 1, requests=_REQUESTS)
                held = memory(player.server.root)
    return {
        "model": task.model.name,
        "runtime": task.model.runtime,
        "seconds": round(statistics.median(seconds), 3),
        "slowest_seconds": round(max(seconds), 3),
        **({"resident_mib": round(held.resident / _MIB, 1), "proportional_mib": round(held.proportional / _MIB, 1)}
           if held is not None else {}),
    }  # fmt: skip
