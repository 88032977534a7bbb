"""evaluate: prove a recipe's artefacts again, or run one artefact on any labelled folder."""

import json
from pathlib import Path

import click
from rich.console import Console

from edge.device.contract import NAME as CONTRACT
from edge.device.contract import artifacts_of
from edge.device.errors import BadArtifact
from edge.device.files import write_json
from pipeline import artefacts
from pipeline.cli.options import at_work
from pipeline.cli.progress import reporting
from pipeline.cli.stages import show
from pipeline.results import PLACE, as_json, collect, refused_before


@click.command()
@click.argument("subject", metavar="RECIPE|ARTEFACT", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="Labelled folder or archive for an ARTEFACT.")
@click.option("--runtime", help="Runtime for an ARTEFACT.  [default: its fastest proven one]")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a key of the RECIPE; repeatable.")
@click.option("--run", type=click.Path(path_type=Path, file_okay=False), help="Run folder of the RECIPE.")
@click.option("--json", "json_wanted", is_flag=True, help="Print the figures as JSON.")
def evaluate(
    subject: Path,
    data: Path | None,
    runtime: str | None,
    overrides: tuple[str, ...],
    run: Path | None,
    json_wanted: bool,
) -> None:
    """Prove the artefacts of RECIPE again on this machine, or run one ARTEFACT folder on any labelled pictures.

    \b
    Examples:
      edgewise evaluate recipes/digits.toml
      edgewise evaluate runs/flowers/export/cpu --data ~/photographs --json
    """
    if subject.is_dir():
        if overrides or run is not None:
            raise click.UsageError("--set and --run go with a recipe; an artefact folder brings its own contract")
        _evaluate_artifact(subject, data, runtime, json_wanted)
        return
    if data is not None or runtime is not None:
        raise click.UsageError("--data and --runtime go with an artefact folder, such as runs/digits/export/cpu")
    with at_work(subject, overrides, run) as (loaded, folder, report):
        proofs = artefacts.prove_stage(loaded, folder, report)
        results = collect(loaded, folder, proofs, refused_before(folder, proofs))
        write_json(folder / PLACE, as_json(results))
    show(results, json_wanted=json_wanted)


def _evaluate_artifact(folder: Path, data: Path | None, runtime: str | None, json_wanted: bool) -> None:
    if not (folder / CONTRACT).exists():
        inside = artifacts_of(folder)
        hint = f"; it holds {', '.join(map(str, inside))}" if inside else "; artefacts stand in runs/<recipe>/export/"
        raise BadArtifact(f"{folder}: no {CONTRACT} there, so not an artefact{hint}")
    if data is None:
        raise click.UsageError(
            "an artefact is evaluated on labelled pictures: give --data FOLDER, a folder for each class"
        )
    from pipeline.try_out import try_out

    with reporting() as report:
        figures = try_out(folder, data, runtime, report)
    if json_wanted:
        click.echo(json.dumps(figures, indent=2))
        return
    low, high = figures["top1_interval"]
    out = Console(highlight=False)
    out.print(
        f"[bold]{figures['top1']:.2%}[/] top-1 (95 %: {100 * low:.1f} to {100 * high:.1f}) on {figures['samples']:,} "
        f"pictures, {figures['file']} in {figures['runtime']}, {figures['latency_ms']['p50']:.3f} ms p50"
    )
    for name, entry in figures["classes"].items():
        out.print(f"  {name:20} {entry['right']:6,} of {entry['samples']:6,}", markup=False)
