"""`make bench`: measure, print, and write docs/benchmarks.json beside what machine it was, and docs/benchmarks.md."""

from pathlib import Path

import click
from rich.console import Console

from edge.device.errors import EdgewiseError
from pipeline.bench.calm import is_calm, load_average
from pipeline.bench.goals import goals_table
from pipeline.bench.page import write_page
from pipeline.bench.parts import PARTS, Bench
from pipeline.bench.peers.goals import judge
from pipeline.bench.record import read_records, record
from pipeline.bench.subject import DEFAULT_RUN

_console = Console(width=130)


@click.command()
@click.option("--part", "parts", multiple=True, type=click.Choice(list(PARTS)), help="Repeatable; all unless told.")
@click.option("--run", type=click.Path(path_type=Path, file_okay=False), default=DEFAULT_RUN, help="A finished run.")
@click.option("--quick", is_flag=True, help="Fewer rounds; shown, not recorded.")
@click.option("--page", is_flag=True, help="Measure nothing: write docs/benchmarks.md from docs/benchmarks.json.")
def main(parts: tuple[str, ...], run: Path, quick: bool, page: bool) -> None:
    """Measure, part by part: what was measured stays, whatever becomes of the rest. About half an hour the first time;
    the peers' model files are kept in runs/bench."""
    failed = []
    for part in () if page else parts or PARTS:
        load = load_average(_console)
        try:
            results = PARTS[part](Bench(run=run, quick=quick, say=_say))
        except EdgewiseError as error:
            _console.print(f"[red]{part}[/]: not measured: {error}", soft_wrap=True)
            failed.append(part)
            continue
        results = {"run": run.name, "load_average_before": load, **results}
        _console.print_json(data=results)
        if not quick and is_calm(part, results, _console):
            record(part, results)
    _console.print(goals_table(judge(read_records())))
    write_page()
    if failed:
        raise click.ClickException(f"not measured: {', '.join(failed)}; see above")


def _say(text: str) -> None:
    _console.print(f"[dim]{text}[/]", soft_wrap=True)


if __name__ == "__main__":
    main()
