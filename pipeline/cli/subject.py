"""What a server or a package is made of, as people name it: RUN|ARTEFACT|RECIPE."""

from pathlib import Path


def path_of(subject: Path) -> Path:
    """The run folder of `subject` where that is a recipe, else `subject` itself: a run folder, or an artefact's.

    Raises BadRecipe where the recipe cannot be read.
    """
    if subject.suffix != ".toml":
        return subject
    from pipeline.recipe import load_recipe  # a server has no use for it otherwise

    return Path("runs") / load_recipe(subject, ()).name
