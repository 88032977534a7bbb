"""One task on every server and in process: variants take turns, so that a busy machine slows all of them alike."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.bench.cores import Cores
from pipeline.bench.process_tree import watching_others
from pipeline.bench.serving.candidates import Candidate
from pipeline.bench.serving.figures import Turn, median_of, ratio_of
from pipeline.bench.serving.players import Player, calling, serving
from pipeline.bench.serving.tasks import Task

IN_PROCESS = "in process"
CLIENTS = (1, 8)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long to measure: rounds, and seconds of each turn."""

    rounds: int
    seconds: float


def contest(
    task: Task, candidates: Mapping[str, Candidate], cores: Cores, pace: Pace, folder: Path, say: Callable[[str], None]
) -> dict[str, Any]:
    """Figures of every candidate and of the calls in process, and the ratios of each to the others.

    Raises Unavailable where a server cannot be started or does not answer what the model does in process.
    """
    with contextlib.ExitStack() as stack:
        players: dict[str, Player] = {IN_PROCESS: stack.enter_context(calling(task, cores, folder))}
        for name, candidate in candidates.items():
            say(f"{task.kind}: starting {name}")
            players[name] = stack.enter_context(serving(name, candidate, task, cores, folder))
        with watching_others() as others:
            turns = _play(players, pace, lambda round_: say(f"{task.kind}: round {round_ + 1} of {pace.rounds}"))
        memories = {name: player.memory_bytes() for name, player in players.items()}
    return {
        "model": task.model.name,
        "runtime": task.model.runtime,
        "bytes": len(task.content),
        "cores_busy_with_others": others[0],
        "variants": {name: _figures(turns[name], memories[name]) for name in players},
        "cpu_against_in_process": _against(turns, IN_PROCESS, "cpu"),
        "cpu_against_starlette": _against(turns, "Starlette", "cpu"),
        "p99_against_edgewise": _against(turns, "edgewise", "p99"),
        "throughput_against_edgewise": _against(turns, "edgewise", "throughput"),
    }


Turns = dict[str, dict[int, list[Turn]]]


def _play(players: Mapping[str, Player], pace: Pace, say: Callable[[int], None]) -> Turns:
    """Turns of each player by the number of clients, a list of rounds; the order moves on by one each round."""
    turns: Turns = {name: {clients: [] for clients in CLIENTS} for name in players}
    names = list(players)
    for round_ in range(pace.rounds):
        say(round_)
        shift = round_ % len(names)
        for clients in CLIENTS:
            for name in names[shift:] + names[:shift]:
                turns[name][clients].append(players[name].turn(clients, pace.seconds))
    return turns


def _figures(turns: dict[int, list[Turn]], memory_bytes: int) -> dict[str, Any]:
    few, many = CLIENTS
    return {
        "p50_ms": round(1000 * median_of(turns[few], "p50"), 4),
        "p99_ms": round(1000 * median_of(turns[few], "p99"), 4),
        "throughput": round(median_of(turns[many], "throughput"), 1),
        "cpu_ms": {word(clients): round(1000 * median_of(turns[clients], "cpu"), 4) for clients in CLIENTS},
        "memory_mib": round(memory_bytes / 2**20, 1),
    }


def word(clients: int) -> str:
    """The key of a figure that was taken with so many clients."""
    return "1 client" if clients == 1 else f"{clients} clients"


def _against(turns: Turns, name: str, figure: str) -> dict[str, dict[str, float]]:
    """How many times larger the figure is than that of `name`, by variant and number of clients."""
    return {
        other: {
            word(clients): round(ratio_of(turns[other][clients], turns[name][clients], figure), 3)
            for clients in CLIENTS
        }
        for other in turns
        if other != name
    }
