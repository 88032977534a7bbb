"""The parts of the benchmark, each of which can be measured alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.bench.cores import Cores
from pipeline.bench.serving.artefacts import Artefacts
from pipeline.bench.serving.candidates import EDGEWISE, PEERS, STARLETTE
from pipeline.bench.serving.contest import Pace, contest
from pipeline.bench.serving.endurance import Span, long_run, overload
from pipeline.bench.serving.players import serving
from pipeline.bench.serving.start_up import start_up
from pipeline.bench.serving.tasks import Task, digits_task, picture_task, tensor_task


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What a part is measured with; `folder` is its own, and empty."""

    artefacts: Artefacts
    cores: Cores
    folder: Path
    pace: Pace
    span: Span
    starts: int
    peers: bool
    say: Callable[[str], None]


def _contest(task: Task, bench: Bench) -> dict[str, Any]:
    candidates = {"edgewise": EDGEWISE, "Starlette": STARLETTE, **(PEERS if bench.peers else {})}
    return contest(task, candidates, bench.cores, bench.pace, bench.folder, bench.say)


def _overload(bench: Bench) -> dict[str, Any]:
    results = {}
    for task in (tensor_task(bench.artefacts), picture_task(bench.artefacts)):
        with serving("edgewise", EDGEWISE, task, bench.cores, bench.folder) as player:
            results[task.kind] = overload(player, bench.span, bench.say)
    return results


def _endurance(bench: Bench) -> dict[str, Any]:
    task = tensor_task(bench.artefacts)
    with serving("edgewise", EDGEWISE, task, bench.cores, bench.folder) as player:
        return long_run(player, bench.span.requests, bench.say)


def _start(bench: Bench) -> dict[str, Any]:
    return start_up(digits_task(bench.artefacts), bench.cores, bench.starts, bench.folder, bench.say)


PARTS: Mapping[str, Callable[[Bench], dict[str, Any]]] = {
    "tensor": lambda bench: _contest(tensor_task(bench.artefacts), bench),
    "picture": lambda bench: _contest(picture_task(bench.artefacts), bench),
    "overload": _overload,
    "endurance": _endurance,
    "start": _start,
}
