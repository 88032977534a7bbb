"""diagnose: where the difference between an artefact and its float model comes from."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.cli.progress import reporting
from pipeline.diagnosis.diagnosis import Diagnosis, DivergenceFacts, LayerFacts

_COLOURS = {"bad": "red", "note": "yellow", "good": "green"}


@click.command()
@click.argument("artefact", type=click.Path(path_type=Path))
@click.option("--against", "trained", required=True, type=click.Path(path_type=Path), help="The run's train folder.")
@click.option("--data", type=click.Path(path_type=Path), help="Labelled pictures.  [default: the run's validation]")
@click.option("--samples", type=click.IntRange(min=1), help="Pictures.  [default: 100, fewer of a large model]")
@click.option("--json", "json_wanted", is_flag=True, help="Print the figures as JSON.")
def diagnose(artefact: Path, trained: Path, data: Path | None, samples: int | None, json_wanted: bool) -> None:
    """Say which layers of ARTEFACT, an exported folder, answer otherwise than the float model, how much, and why.

    Every layer is judged on the inputs that it really received, so that the one to blame is named. The artefact's
    runtimes and files are compared with each other, too.

    \b
    Example:
      edgewise diagnose runs/digits/export/cpu --against runs/digits/train
    """
    from pipeline.diagnosis.artefact import diagnose_artefact

    with reporting() as report:
        diagnosis = diagnose_artefact(artefact, trained, data, samples, report)
    if json_wanted:
        click.echo(json.dumps(asdict(diagnosis), indent=2))
        return
    _show(diagnosis)


def _show(diagnosis: Diagnosis) -> None:
    out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 120)
    table = Table(
        title=f"{diagnosis.name} ({diagnosis.precision}) against float, {diagnosis.samples} pictures",
        title_justify="left",
        title_style="bold",
        caption="own: SQNR on the inputs received; in the end: with the errors of all layers before; gain: 1 is right",
    )
    for heading in ("layer", "own dB", "in the end dB", "gain", "cut off", "bits"):
        table.add_column(heading, justify="left" if heading == "layer" else "right")
    for layer in diagnosis.layers:
        table.add_row(*_cells(layer), style="red" if layer.blamed else None)
    out.print(table)
    for divergence in diagnosis.divergences:
        out.print(f"  {divergence.name}: {_divergence(divergence)}", markup=False)
    for words in (*_asides(diagnosis), *diagnosis.not_compared):
        out.print(f"  {words}", markup=False)
    for advice in diagnosis.advice:
        out.print(f"[{_COLOURS[advice.kind]}]{advice.kind:4}[/] {escape(advice.words)}")


def _cells(layer: LayerFacts) -> tuple[str, ...]:
    return (
        escape(layer.label),
        "" if layer.own_sqnr is None else f"{layer.own_sqnr:.1f}",
        f"{layer.sqnr:.1f}",
        "" if layer.gain is None else f"{layer.gain:.3f}",
        "" if layer.beyond is None else f"{layer.beyond:.2%}",
        "" if layer.bits is None else f"{layer.bits:.1f}",
    )


def _divergence(divergence: DivergenceFacts) -> str:
    """How one runtime or file answers beside the reference."""
    shown = divergence.fault or divergence.first
    if shown is not None:
        place = f"begins to differ in {shown.label} ({shown.differing:.2%} of its values, by {shown.largest:.4g} steps)"
    elif divergence.layers:
        place = "equal in every layer"
    else:
        place = f"its layers cannot be compared; logits differ by up to {divergence.largest_logit:.3g}"
    laid_open = "" if divergence.faithful else "; answers a little otherwise with its layers laid open"
    return f"{place}; {divergence.label_flips} labels differ{laid_open}"


def _asides(diagnosis: Diagnosis) -> list[str]:
    asides = []
    if not diagnosis.faithful:
        asides.append("With its layers laid open the file answers a little otherwise: its figures are near, not exact.")
    if alone := diagnosis.alone + diagnosis.alone_in_float:
        asides.append(f"Without a like in the other file, so not judged: {', '.join(alone)}.")
    return asides
