"""train, quantize, export: a recipe's stages, in the order in which they build on each other."""

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from edge.device.errors import ProofFailed, Unavailable
from edge.device.files import read_json, write_json
from edge.targets import TARGETS
from pipeline import artefacts, stages
from pipeline.cli.options import at_work, recipe_options
from pipeline.cli.progress import console
from pipeline.cli.table import table
from pipeline.form_store import FormStore
from pipeline.isolate import Child
from pipeline.ladder import Export, plan
from pipeline.results import PLACE, Proven, as_json, collect, read_proofs, refusal

_PARTS = {"training": "for training", "validation": "for validation", "blind_test": "for the blind test"}


@click.command()
@recipe_options
def train(recipe: Path, overrides: tuple[str, ...], run: Path | None) -> None:
    """Read and check the data of RECIPE, then train its model.

    Stopped or killed, it goes on from the last checkpoint when it is run again.

    \b
    Example:
      edgewise train recipes/digits.toml --set train.epochs=3
    """
    with at_work(recipe, overrides, run) as (loaded, folder, report):
        say("data", folder / "data", stages.data_stage(loaded, folder, report))
        _describe_data(read_json(folder / "data" / "summary.json"))
        say("train", folder / "train", stages.train_stage(loaded, folder, report))
        summary = read_json(folder / "train" / "summary.json")
    console.print(
        f"          {summary['parameters']:,} parameters, {summary['validation_top1']:.2%} top-1 on validation; "
        f"trained on {summary['device']}"
    )


@click.command()
@recipe_options
def quantize(recipe: Path, overrides: tuple[str, ...], run: Path | None) -> None:
    """Make int8 forms of the trained model of RECIPE, after training or aware of it.

    \b
    Example:
      edgewise quantize recipes/digits.toml --set quantize.aware=false
    """
    with at_work(recipe, overrides, run) as (loaded, folder, report):
        say("quantize", folder / "quantize", stages.quantize_stage(loaded, folder, report))


@click.command()
@recipe_options
@click.option("--targets", metavar="NAMES", help='Targets instead of the recipe\'s, e.g. "cpu coral".')
@click.option("--json", "json_wanted", is_flag=True, help="Print results.json's content instead of the table.")
def export(recipe: Path, overrides: tuple[str, ...], run: Path | None, targets: str | None, json_wanted: bool) -> None:
    """Make the artefact of each target of RECIPE and prove it on the blind test.

    For each target the ladder of precisions is climbed until one holds the accuracy budget on validation. Exit code 3
    where none does, or where the blind test refutes it; 2 where a target's tools are missing.

    \b
    Example:
      edgewise export recipes/digits.toml --targets "cpu jetson"
    """
    if targets is not None:
        overrides += (f"export.targets={json.dumps(targets.replace(',', ' ').split())}",)
    refused: dict[str, ProofFailed | Unavailable] = {}
    with at_work(recipe, overrides, run) as (loaded, folder, report), Child() as child:
        forms = FormStore(loaded, folder, child, report)
        for target in loaded.export.targets:
            place = folder / "export" / target
            try:
                made = artefacts.export_stage(loaded, folder, target, forms, child, report, _announce)
            except (ProofFailed, Unavailable) as failure:
                refused[target] = failure
                continue
            say("export", place, made)
            if made:
                _describe_climb(read_json(place / "proof.json"))
        proven = [target for target in loaded.export.targets if target not in refused]
        failures = [refusal(target, failure) for target, failure in refused.items()]
        results = collect(loaded, folder, read_proofs(folder, proven), failures)
        (folder / PLACE).parent.mkdir(exist_ok=True)
        write_json(folder / PLACE, as_json(results))
    show(results, json_wanted=json_wanted)
    if refused:
        words = "\n".join(map(str, refused.values()))
        missing = any(isinstance(failure, Unavailable) for failure in refused.values())
        raise Unavailable(words) if missing else ProofFailed(words)


def _announce(job: Export) -> None:
    """The plan, before it is walked."""
    rungs = plan(TARGETS[job.target].RUNGS, job.recipe.quantize.aware)
    board = f" on {job.board.title}" if job.board else ""
    budget = 100 * job.recipe.budget(job.target)
    console.print(
        f"[bold]plan[/]      {job.target}{escape(board)}: {' → '.join(rungs)}; at most {budget:g} points lost"
    )


def _describe_climb(proof: dict[str, Any]) -> None:
    """The rung that was taken, why others were not, what the target had to say and what it measured."""
    for rung in proof["tried"]:
        word = "took" if rung["accepted"] else "not"
        console.print(f"          {word} {rung['precision']}: {escape(rung['reason'])}")
        for finding in rung["findings"] if rung["accepted"] else ():
            console.print(f"          [yellow]{escape(finding)}[/]")
    if proof["figures"]:
        console.print("          " + ", ".join(f"{name} {value:,.10g}" for name, value in proof["figures"].items()))


def show(results: Proven, *, json_wanted: bool) -> None:
    """Results on standard output: the table, or JSON for a program."""
    if json_wanted:
        click.echo(json.dumps(as_json(results), indent=2))
    else:
        # A pipe has no width of its own; give it the whole table.
        out = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
        out.print(table(results, out.width))


def _describe_data(summary: dict[str, Any]) -> None:
    """What the data stage found, in a line, and a line for each warning."""
    parts = {part: sum(counts[part] for counts in summary["classes"].values()) for part in _PARTS}
    shares = ", ".join(
        f"{count:,} {words}" for (part, count), words in zip(parts.items(), _PARTS.values(), strict=True)
    )
    height, width, channels = summary["shape"]
    console.print(
        f"          {summary['pictures']:,} pictures of {height} x {width} x {channels} in {len(summary['classes'])} "
        f"classes: {shares}"
    )
    for warning in summary["warnings"]:
        console.print(f"          [yellow]warning[/] {escape(warning)}")


def say(stage: str, place: Path, made: bool) -> None:
    """A line for a finished stage: where its output is, and whether that was up to date."""
    where = escape(str(place))
    console.print(f"[bold]{stage:9}[/] {where}" if made else f"[bold]{stage:9}[/] [dim]{where} is up to date[/]")
