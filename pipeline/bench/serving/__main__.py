"""`make bench-serving`: measure, print, and write the section "serving" of docs/benchmarks.json."""

import os
import tempfile
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from edge.device.errors import EdgewiseError
from pipeline.bench.record import record
from pipeline.bench.serving.artefacts import Artefacts, make_artefacts
from pipeline.bench.serving.candidates import EDGEWISE, PEERS, STARLETTE
from pipeline.bench.serving.contest import Pace, contest
from pipeline.bench.serving.cores import Cores, divide, running_on
from pipeline.bench.serving.endurance import Span, long_run, overload
from pipeline.bench.serving.environments import make_environment
from pipeline.bench.serving.players import serving
from pipeline.bench.serving.start_up import start_up
from pipeline.bench.serving.table import show
from pipeline.bench.serving.tasks import digits_task, picture_task, tensor_task

PARTS = ("contest", "overload", "long-run", "start-up")

_PACES = {False: Pace(rounds=5, seconds=2.0), True: Pace(rounds=1, seconds=0.8)}
_SPANS = {
    False: Span(unloaded=5.0, probe=4.0, overload=60.0, requests=200_000),
    True: Span(unloaded=1.0, probe=1.0, overload=5.0, requests=10_000),
}
_STARTS = {False: 5, True: 2}
_QUIET = 1.0  # load average above which another's work is in the figures

_console = Console(width=130)


@click.command()
@click.option("--quick", is_flag=True, help="About two minutes; shown, not recorded.")
@click.option("--peers/--no-peers", default=True, help="Other servers besides, each in an environment of its own.")
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="Repeatable; all unless told.")
@click.option("--overload-seconds", type=click.FloatRange(min=1), help="[default: 60]")
def main(quick: bool, peers: bool, parts: tuple[str, ...], overload_seconds: float | None) -> None:
    """Measure the service. Takes about fifteen minutes, and a few more the first time."""
    wanted = parts or PARTS
    span = _SPANS[quick]
    if overload_seconds is not None:
        span = Span(unloaded=span.unloaded, probe=span.probe, overload=overload_seconds, requests=span.requests)
    try:
        results = _measure(wanted, quick, span, peers)
    except EdgewiseError as error:
        raise click.ClickException(str(error)) from None
    show(results, _console)
    if quick or set(wanted) != set(PARTS) or not peers:
        _console.print("not recorded: docs/benchmarks.json takes whole runs only")
        return
    record("serving", results)


def _measure(wanted: tuple[str, ...], quick: bool, span: Span, peers: bool) -> dict[str, Any]:
    _say("making models" + (" and environments" if peers else ""))
    artefacts = make_artefacts()
    if peers and "contest" in wanted:
        for name in ("litserve", "mlserver", "fastapi"):
            make_environment(name)
    cores = divide()
    load = os.getloadavg()[0]
    if load > _QUIET:
        _console.print(f"[yellow]note[/] the machine is busy (load average {load:.1f}): figures will be off")
    results: dict[str, Any] = {
        "load_average_before": round(load, 2),
        "cores": {"server": sorted(cores.server), "client": sorted(cores.client)},
    }
    with tempfile.TemporaryDirectory(prefix="edgewise-bench-") as folder, running_on(cores.client):
        place = Path(folder)
        if "contest" in wanted:
            results |= _contests(artefacts, cores, _PACES[quick], place, peers)
        results |= _alone(artefacts, cores, span, place, wanted)
        if "start-up" in wanted:
            (place / "start-up").mkdir()
            results["start_up"] = start_up(digits_task(artefacts), cores, _STARTS[quick], place / "start-up", _say)
    return results


def _contests(artefacts: Artefacts, cores: Cores, pace: Pace, folder: Path, peers: bool) -> dict[str, Any]:
    candidates = {"edgewise": EDGEWISE, "Starlette": STARLETTE, **(PEERS if peers else {})}
    place = folder / "contest"
    place.mkdir()
    tasks = (tensor_task(artefacts), picture_task(artefacts))
    return {task.kind: contest(task, candidates, cores, pace, place, _say) for task in tasks}


def _alone(artefacts: Artefacts, cores: Cores, span: Span, folder: Path, wanted: tuple[str, ...]) -> dict[str, Any]:
    """What is asked of the service alone: overload, and the long run."""
    results: dict[str, Any] = {}
    place = folder / "alone"
    place.mkdir()
    for task in (tensor_task(artefacts), picture_task(artefacts)):
        with serving("edgewise", EDGEWISE, task, cores, place) as player:
            if "overload" in wanted:
                results.setdefault("overload", {})[task.kind] = overload(player, span, _say)
            if "long-run" in wanted and task.kind == "tensor":
                results["long_run"] = long_run(player, span.requests, _say)
    return results


def _say(text: str) -> None:
    _console.print(f"[dim]{text}[/]")


if __name__ == "__main__":
    main()
