"""The commands of the main job: train, quantize, export, evaluate, preview."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from pipeline import stages
from pipeline.cli.progress import console, reporting
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
def _at_work(recipe: Path, overrides: tuple[str, ...], run: Path | None) -> Iterator[tuple[Recipe, Path, Report]]:
    """The loaded recipe, its run folder, locked, and the progress display."""
    loaded = load_recipe(recipe, overrides)
    folder = run or Path("runs") / loaded.name
    with locked(folder), reporting() as report:
        yield loaded, folder, report


def _say(stage: str, place: Path, made: bool) -> None:
    console.print(f"[bold]{stage:9}[/] {place}" if made else f"[bold]{stage:9}[/] [dim]{place} is up to date[/]")


@click.command()
@recipe_options
def train(recipe: Path, overrides: tuple[str, ...], run: Path | None) -> None:
    """Read and check the data of RECIPE, then train its model.

    Stopped or killed, it goes on from the last checkpoint when it is run again.

    \b
    Example:
      edgewise train recipes/digits.toml --set train.epochs=3
    """
    with _at_work(recipe, overrides, run) as (loaded, folder, report):
        _say("data", folder / "data", stages.data_stage(loaded, folder, report))
        _say("train", folder / "train", stages.train_stage(loaded, folder, report))


@click.command()
@recipe_options
def quantize(recipe: Path, overrides: tuple[str, ...], run: Path | None) -> None:
    """Make int8 forms of the trained model of RECIPE, after training or aware of it.

    \b
    Example:
      edgewise quantize recipes/digits.toml --set quantize.aware=false
    """
    with _at_work(recipe, overrides, run) as (loaded, folder, report):
        _say("quantize", folder / "quantize", stages.quantize_stage(loaded, folder, report))


COMMANDS = (train, quantize)
