"""preview: what training will see, as a picture."""

from pathlib import Path

import click
from rich.markup import escape

from pipeline import stages
from pipeline.cli.options import at_work, recipe_options
from pipeline.cli.progress import console
from pipeline.quiet import load_tensorflow


@click.command()
@recipe_options
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="PNG to write.  [default: in the run folder]"
)
def preview(recipe: Path, overrides: tuple[str, ...], run: Path | None, output: Path | None) -> None:
    """Draw a sheet of augmented training pictures of RECIPE with their labels.

    \b
    Example:
      edgewise preview recipes/digits.toml --set train.augment.rotate=25
    """
    with at_work(recipe, overrides, run) as (loaded, folder, report):
        stages.data_stage(loaded, folder, report)
        load_tensorflow()
        from pipeline.preview import draw_preview

        place = output or folder / "preview.png"
        draw_preview(loaded, folder / "data", place)
    console.print(f"[bold]preview  [/] {escape(str(place))}")
