"""Was the machine left alone? Otherwise others' work is in the figures."""

import os
from typing import Any

from rich.console import Console

from pipeline.bench.goals import most_busy_with_others

_BUSY = 1.0  # load average above which another's work is in the figures
_DISTURBED = 0.25  # cores that others kept busy, above which latencies are not recorded


def is_calm(part: str, results: dict[str, Any], console: Console) -> bool:
    """Whether the machine was left alone enough for the `results` of `part` to mean something; says so if not."""
    others = most_busy_with_others(results)
    if others > _DISTURBED:
        console.print(f"[yellow]note[/] {part} is not recorded: others kept {others:.2f} cores busy; repeat it in calm")
    return others <= _DISTURBED


def load_average(console: Console) -> float:
    """Of the last minute; says so where it is high."""
    load = os.getloadavg()[0]
    if load > _BUSY:
        console.print(f"[yellow]note[/] the machine is busy (load average {load:.1f}): figures will be off")
    return round(load, 2)
