"""What the commands on a recipe have in common."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from pipeline.cli.progress import reporting
from pipeline.data.source import Report
from pipeline.recipe import Recipe, load_recipe
from pipeline.stage import locked


def recipe_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """RECIPE, --set and --run, alike for every stage."""
    command = click.option(
        "--run", type=click.Path(path_type=Path, file_okay=False), help="Run folder.  [default: runs/<recipe name>]"
    )(command)
    command = click.option(
        "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a key, e.g. train.epochs=3; repeatable."
    )(command)
    return click.argument("recipe", type=click.Path(path_type=Path))(command)


@contextmanager
def at_work(recipe: Path, overrides: tuple[str, ...], run: Path | None) -> Iterator[tuple[Recipe, Path, Report]]:
    """The loaded recipe, its run folder, locked, and the progress display."""
    loaded = load_recipe(recipe, overrides)
    folder = run or Path("runs") / loaded.name
    with locked(folder), reporting() as report:
        yield loaded, folder, report
