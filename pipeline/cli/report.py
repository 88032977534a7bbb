"""report: one page about a run, and its figures as JSON."""

from pathlib import Path

import click

from pipeline.cli.options import at_work, recipe_options
from pipeline.cli.stages import say


@click.command()
@recipe_options
def report(recipe: Path, overrides: tuple[str, ...], run: Path | None) -> None:
    """Measure what to trust of the exported artefacts of RECIPE, and write it as a page and as JSON.

    Stopped or killed, it goes on with the section that it was at when it is run again.

    \b
    Example:
      edgewise report recipes/digits.toml
    """
    with at_work(recipe, overrides, run) as (loaded, folder, progress):
        from pipeline.report.stage import report_stage

        made = report_stage(loaded, folder, progress)
    say("report", folder / "report" / "index.html", made)
