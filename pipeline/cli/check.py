"""check and boards: what a target says about any model, and the boards that it knows."""

import json
import sys
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edge.boards import boards_of
from edge.device.errors import ProofFailed
from edge.target import PlacedOperator, Verdict
from edge.targets import TARGETS
from pipeline.cli.progress import reporting

_COLOURS = {"yes": "green", "uncertain": "yellow", "no": "red"}


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--target", required=True, type=click.Choice(list(TARGETS)), help="Whose rules are asked.")
@click.option("--board", metavar="NAME", help="One board of the target; `edgewise boards` lists them.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def check(model: Path, target: str, board: str | None, as_json: bool) -> None:
    """Say whether any MODEL, a TFLite or ONNX file, fits a target: where each operator runs, and what it takes.

    Exit code 3 where it does not fit.

    \b
    Examples:
      edgewise check runs/digits/export/coral/model.tflite --target coral
      edgewise check resnet.onnx --target jetson --board orin-nano --json
    """
    from pipeline.checking import check_model

    with reporting() as report:
        report(f"checking {model.name} for {target}", 0, 0)
        verdict = check_model(model, target, board)
    if as_json:
        click.echo(json.dumps(as_dictionary(verdict), indent=2))
    else:
        _show(verdict)
    if verdict.fits == "no":
        raise ProofFailed(f"{model}: does not fit {_place(verdict)}")


def as_dictionary(verdict: Verdict) -> dict[str, Any]:
    """What `check --json` prints."""
    return {
        "target": verdict.target,
        "board": verdict.board,
        "fits": verdict.fits,
        "operators": [asdict(operator) for operator in verdict.operators],
        "mapped_count": verdict.mapped_count,
        "estimates": dict(verdict.estimates),
        "findings": [asdict(finding) for finding in verdict.findings],
    }


def _show(verdict: Verdict) -> None:
    out = Console(highlight=False, soft_wrap=True)
    count = len(verdict.operators)
    out.print(
        f"fits {escape(_place(verdict))}: [bold {_COLOURS[verdict.fits]}]{verdict.fits}[/]; "
        f"{verdict.mapped_count} of {count} operators on its accelerator"
    )
    for (placement, reason), operators in _grouped(verdict.operators):
        why = f": {reason}" if reason else ""
        out.print(f"  {placement:11} {escape(operators)}{escape(why)}")
    for name, value in verdict.estimates.items():
        out.print(f"  {name:24} {value:>15,}", markup=False)
    for finding in verdict.findings:
        out.print(f"  {finding.severity:11} {finding}", markup=False)


def _grouped(operators: tuple[PlacedOperator, ...]) -> list[tuple[tuple[str, str], str]]:
    """Neighbours of one placement and reason together: "CONV_2D #0, #2, ADD #3"."""
    groups = []
    for key, members in groupby(operators, key=lambda each: (each.placement, each.reason)):
        words = [
            f"{name} " + ", ".join(f"#{each.index}" for each in run)
            for name, run in groupby(members, key=lambda each: each.name)
        ]
        groups.append((key, ", ".join(words) if len(words) <= 6 else f"{words[0]} ... {words[-1]}"))
    return groups


def _place(verdict: Verdict) -> str:
    return verdict.target if verdict.board is None else f"{verdict.target} ({verdict.board})"


@click.command()
@click.option("--target", type=click.Choice(list(TARGETS)), help="Only this target's boards.")
@click.option("--json", "as_json", is_flag=True, help="Print every figure with its source as JSON.")
def boards(target: str | None, as_json: bool) -> None:
    """List the boards that the targets know, with the figures that decide what fits; --json tells each one's source.

    \b
    Example:
      edgewise boards --target mcu
    """
    known = {name: boards_of(name) for name in TARGETS if target in (None, name) and boards_of(name)}
    if as_json:
        content = {name: {board.name: asdict(board) for board in group.values()} for name, group in known.items()}
        click.echo(json.dumps(content, indent=2))
        return
    out = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
    for name, group in known.items():
        table = Table("board", "title", "figures", title=name, title_justify="left", title_style="bold")
        for board in group.values():
            figures = ", ".join(_figure(key, each.value) for key, each in board.figures.items())
            table.add_row(escape(board.name), escape(board.title), escape(figures))
        out.print(table)


def _figure(name: str, value: int | float | str | bool) -> str:
    """A figure in words: ram_bytes 262144 is "ram 256 KiB", clock_mhz 64 "clock 64 MHz"."""
    words, _, unit = name.rpartition("_")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{name.replace('_', ' ')} {value if isinstance(value, str) else 'yes' if value else 'no'}"
    if unit == "bytes":
        return f"{words.replace('_', ' ')} {_binary(value)}"
    if unit == "mhz":
        return f"{words.replace('_', ' ')} {value:,} MHz"
    return f"{name.replace('_', ' ')} {value:,}"


def _binary(count: float) -> str:
    power = 0
    while count >= 1024 and power < 4:
        count, power = count / 1024, power + 1
    return f"{count:,.4g} {('B', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"
