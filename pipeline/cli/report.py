"""report: one page about a run, and its figures as JSON."""

from pathlib import Path

import click

from pipeline.cli.options import at_work, recipe_options
from pipeline.cli.stages import say


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
        from pipeline.report.stage import report_stage

        made = report_stage(loaded, folder, progress)
    say("report", folder / "report" / "index.html", made)
    if json_wanted:
        click.echo((folder / "report" / "results.json").read_text(encoding="utf-8"), nl=False)
