"""What a server and its children take, as Linux counts it in /proc (proc(5))."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_KIB = 1024


@dataclass(frozen=True, kw_only=True)
class Stat:
    """Of one process; `cpu_seconds` in user and system mode, of all its threads, also those that ended."""

    pid: int
    parent: int
    cpu_seconds: float


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes. `proportional` divides pages that several processes share among them (PSS)."""

    resident: int
    proportional: int


def parse_stat(text: str) -> Stat:
    """A line of /proc/PID/stat. The program's name, in brackets, may hold spaces and brackets of its own."""
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    return Stat(
        pid=int(head.split(" ", 1)[0]), parent=int(fields[1]), cpu_seconds=(int(fields[11]) + int(fields[12])) / _TICKS
    )


def parse_rollup(text: str) -> Memory:
    """/proc/PID/smaps_rollup."""
    kibibytes = {line.split(":")[0]: line.split()[1] for line in text.splitlines()[1:]}
    return Memory(resident=int(kibibytes["Rss"]) * _KIB, proportional=int(kibibytes["Pss"]) * _KIB)


def tree_of(root: int, processes: list[Stat]) -> list[Stat]:
    """The process `root` among `processes`, and all that descend from it."""
    members = {root}
    while True:
        more = {each.pid for each in processes if each.parent in members} - members
        if not more:
            return [each for each in processes if each.pid in members]
        members |= more


def processes_below(root: int) -> list[Stat]:
    """The living process `root` and all that descend from it."""
    found = []
    for folder in _PROC.iterdir():
        if folder.name.isdecimal():
            try:
                found.append(parse_stat((folder / "stat").read_text()))
            except (FileNotFoundError, ProcessLookupError):
                continue  # ended while the list was read
    return tree_of(root, found)


def cpu_seconds(root: int) -> float:
    """CPU seconds that `root` and all below it have taken so far; those that have ended are not counted."""
    return sum(each.cpu_seconds for each in processes_below(root))


def memory(root: int) -> Memory:
    """Memory of `root` and all below it, added up; those that have ended hold none."""
    parts = []
    for process in processes_below(root):
        with suppress(FileNotFoundError, ProcessLookupError):
            parts.append(parse_rollup((_PROC / str(process.pid) / "smaps_rollup").read_text()))
    return Memory(resident=sum(each.resident for each in parts), proportional=sum(each.proportional for each in parts))


def resident(processes: list[int]) -> int:
    """Resident bytes of `processes`, quick to ask: shared pages count in each."""
    pages = (int((_PROC / str(each) / "statm").read_text().split()[1]) for each in processes)
    return sum(pages) * os.sysconf("SC_PAGE_SIZE")


def parse_busy(text: str) -> float:
    """CPU seconds of all cores together since the machine started, from /proc/stat: everything but idle and waiting.

    What the hypervisor gave to others ("steal") counts as busy: it was not to be had.
    """
    user, nice, system, _idle, _waiting, *interrupts_and_steal = map(int, text.splitlines()[0].split()[1:9])
    return (user + nice + system + sum(interrupts_and_steal)) / _TICKS


@contextmanager
def watching_others() -> Iterator[list[float]]:
    """A list that holds one figure afterwards: how many cores were busy, on average, with anything but this process and
    those below it. None of those may end meanwhile."""
    found: list[float] = []
    start, busy, own = time.perf_counter(), parse_busy((_PROC / "stat").read_text()), cpu_seconds(os.getpid())
    yield found
    busy = parse_busy((_PROC / "stat").read_text()) - busy
    own = cpu_seconds(os.getpid()) - own
    found.append(round(max(0.0, (busy - own) / (time.perf_counter() - start)), 3))
