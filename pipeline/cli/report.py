"""report: one page about a run, and its figures as JSON."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from pipeline.cli.options import at_work, recipe_options
from pipeline.cli.progress import console
from pipeline.cli.stages import say

if TYPE_CHECKING:
    from pipeline.report.sections import Results


@click.command()
@recipe_options
@click.option("--json", "json_wanted", is_flag=True, help="Print results.json.")
def report(recipe: Path, overrides: tuple[str, ...], run: Path | None, json_wanted: bool) -> None:
    """Measure what to trust of the exported artefacts of RECIPE; write it as a page and as JSON.

    Stopped or killed, it goes on with the section that it was at when it is run again.

    \b
    Example:
      edgewise report recipes/digits.toml
    """
    with at_work(recipe, overrides, run) as (loaded, folder, progress):
        from pipeline.report.stage import RESULTS, read_results, report_stage

        made = report_stage(loaded, folder, progress)
        results = read_results(folder)
    say("report", folder / "report" / "index.html", made)
    _warn(results)
    if json_wanted:
        click.echo((folder / "report" / RESULTS).read_text(encoding="utf-8"), nl=False)


def _warn(results: "Results") -> None:
    """A line for each check that failed, and for each section that could not be measured."""
    from pipeline.report.sections import failed_checks, not_measured

    for check in failed_checks(results):
        console.print(f"          [red]failed[/] {escape(check.name)}: {escape(check.words)}")
    for section, reason in not_measured(results).items():
        console.print(f"          [yellow]not measured[/] {section}: {escape(reason)}")
