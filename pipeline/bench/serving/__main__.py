"""`make bench-serving`: measure, print, and write the section "serving" of docs/benchmarks.json."""

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from edge.device.errors import EdgewiseError
from pipeline.bench.calm import is_calm, load_average
from pipeline.bench.cores import divide, running_on
from pipeline.bench.page import write_page
from pipeline.bench.record import record
from pipeline.bench.serving.artefacts import make_artefacts
from pipeline.bench.serving.contest import Pace
from pipeline.bench.serving.endurance import Span
from pipeline.bench.serving.parts import PARTS, Bench
from pipeline.bench.serving.table import show

_PACES = {False: Pace(rounds=5, seconds=2.0), True: Pace(rounds=1, seconds=0.8)}
_SPANS = {
    False: Span(unloaded=5.0, probe=4.0, overload=60.0, requests=200_000),
    True: Span(unloaded=1.0, probe=1.0, overload=5.0, requests=10_000),
}
_STARTS = {False: 5, True: 2}

_console = Console(width=130)


@click.command()
@click.option("--quick", is_flag=True, help="About two minutes; shown, not recorded.")
@click.option("--peers/--no-peers", default=True, help="Other servers besides; without them nothing is recorded.")
@click.option("--part", "parts", multiple=True, type=click.Choice(list(PARTS)), help="Repeatable; all unless told.")
@click.option("--overload-seconds", type=click.FloatRange(min=1), help="[default: 60]")
def main(quick: bool, peers: bool, parts: tuple[str, ...], overload_seconds: float | None) -> None:
    """Measure the service. Takes about a quarter of an hour, and a few minutes more the first time."""
    span = _SPANS[quick]
    if overload_seconds is not None:
        span = dataclasses.replace(span, overload=overload_seconds)
    is_whole = peers and not quick and overload_seconds is None
    results: dict[str, Any] = {}
    try:
        _say("making models")
        artefacts, cores = make_artefacts(), divide()
        with tempfile.TemporaryDirectory(prefix="edgewise-bench-") as folder, running_on(cores.client):
            for part in parts or PARTS:
                place = Path(folder) / part
                place.mkdir()
                bench = Bench(
                    artefacts=artefacts, cores=cores, folder=place, pace=_PACES[quick], span=span,
                    starts=_STARTS[quick], peers=peers, say=_say,
                )  # fmt: skip
                results[part] = {"load_average_before": load_average(_console), **PARTS[part](bench)}
                if is_whole and is_calm(part, results[part], _console):
                    # Part by part: what was measured stays, whatever becomes of the rest.
                    record("serving", {part: results[part]})
                    write_page()
    except EdgewiseError as error:
        raise click.ClickException(str(error)) from None
    finally:
        if results:
            show(results, _console)


def _say(text: str) -> None:
    _console.print(f"[dim]{text}[/]")


if __name__ == "__main__":
    main()
