"""compare: two runs, or two artefacts, side by side."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from pydantic import TypeAdapter
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from edge.device.errors import BadArtifact
from pipeline.cli.progress import reporting
from pipeline.cli.table import interval_words
from pipeline.compare.comparison import Comparison, Match, Pairing

_WIDE = 150  # columns that the whole table takes; a narrower terminal sees the figures that matter most
_WORDS = ("", "difference")
_MOST_FLIPS = 10  # shown here; --json has more


@click.command()
@click.argument("first", metavar="A", type=click.Path(path_type=Path))
@click.argument("second", metavar="B", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="Labelled folder or archive, for two artefacts.")
@click.option("--runtime", help="Runtime for two artefacts.  [default: the fastest proven one of each]")
@click.option("--json", "json_wanted", is_flag=True, help="Print the figures as JSON.")
def compare(first: Path, second: Path, data: Path | None, runtime: str | None, json_wanted: bool) -> None:
    """Hold B against A, two runs or two artefacts: accuracy, size, latency, and what is more than chance.

    Artefacts answer the blind test of the run that they stand in, or the pictures of --data.

    \b
    Examples:
      edgewise compare runs/digits runs/digits-wide
      edgewise compare runs/flowers/export/cpu runs/flowers/export/coral --data ~/photographs
    """
    from pipeline.compare import compare_artefacts, compare_runs, kind_of

    kind, other = kind_of(first), kind_of(second)
    if kind != other:
        raise BadArtifact(f"{first} is {_A[kind]} and {second} {_A[other]}; give two runs, or two artefacts")
    if kind == "run" and (data is not None or runtime is not None):
        raise click.UsageError("--data and --runtime go with two artefacts, such as runs/digits/export/cpu")
    with reporting() as report:
        if kind == "run":
            found = compare_runs(first, second, report)
        else:
            found = compare_artefacts(first, second, data, runtime, report)
    if json_wanted:
        click.echo(json.dumps(TypeAdapter(Comparison).dump_python(found, mode="json"), indent=2, ensure_ascii=False))
        return
    # A pipe has no width of its own; give it the whole table.
    out = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
    for part in _shown(found, out.width):
        out.print(part)


_A = {"run": "a run", "artefact": "an artefact"}


def _shown(found: Comparison, width: int) -> Iterator[RenderableType]:
    yield Text(f"A: {found.first}\nB: {found.second}")
    yield _of_artefacts(found.matches[0]) if found.kind == "artefacts" else _of_runs(found.matches, width)
    for note in found.notes:
        yield Text(note)
    for side, names in (("A", found.only_first), ("B", found.only_second)):
        if names:
            yield Text(f"Only in {side}: {', '.join(names)}.")
    if found.kind == "artefacts" and found.matches[0].pairing is not None:
        yield _flips(found.matches[0].pairing)


def _of_artefacts(match: Match) -> RenderableType:
    """Two columns, and their difference in words."""
    grid = Table()
    for name in ("", "A", "B"):
        grid.add_column(name)
    sides = (match.first, match.second)
    grid.add_row("", *(Text(each.subject) for each in sides))
    grid.add_row("precision", *(each.precision for each in sides))
    grid.add_row("top-1", *(f"{each.top1:.2%} ({interval_words(each.top1_interval)})" for each in sides))
    grid.add_row("pictures", *(f"{each.samples:,}" for each in sides))
    grid.add_row("KiB", *(_kib(each.bytes) for each in sides))
    grid.add_row("ms", *(_milliseconds(each.latency_ms) for each in sides))
    pairing = match.pairing
    words = f"B-A: {100 * match.gain:+.2f} points of top-1 (95 %: {_gain(match)}); difference: {match.verdict}."
    if pairing is not None:
        words += (
            f" A alone is right on {pairing.only_first:,}, B alone on {pairing.only_second:,} (p {pairing.p:.3g}); "
            f"{pairing.agreement:.2%} of the labels agree."
        )
    return Group(grid, Text(words))


def _of_runs(matches: tuple[Match, ...], width: int) -> RenderableType:
    """A line for each file and runtime of both."""
    grid = Table()
    for name, _ in _cells(matches[0], width):
        grid.add_column(name, justify="left" if name in _WORDS else "right", no_wrap=True)
    for match in matches:
        grid.add_row(*(Text(cell) for _, cell in _cells(match, width)))
    grid.caption = "B-A: points of top-1; difference: none shown where so many pictures do not tell it from chance"
    return grid


def _cells(match: Match, width: int) -> list[tuple[str, str]]:
    """Column names with the cells of a row."""
    first, second, pairing = match.first, match.second, match.pairing
    cells = [
        ("", match.name),
        ("top-1, A to B", f"{first.top1:.2%} to {second.top1:.2%}"),
        ("B-A", f"{100 * match.gain:+.2f}"),
        ("95 %", _gain(match)),
        ("p", f"{pairing.p:.3g}" if pairing else ""),
        ("KiB", _both(_kib(first.bytes), _kib(second.bytes))),
        ("ms", _both(_milliseconds(first.latency_ms), _milliseconds(second.latency_ms))),
        ("difference", match.verdict),
    ]
    return [(name, cell) for name, cell in cells if width >= _WIDE or name not in ("95 %", "p", "KiB")]


def _both(first: str, second: str) -> str:
    return f"{first} to {second}" if first or second else ""


def _gain(match: Match) -> str:
    low, high = match.gain_interval
    return f"{100 * low:+.2f} to {100 * high:+.2f}"


def _flips(pairing: Pairing) -> Text:
    if not pairing.flipped:
        return Text("Every picture gets the same label from both.")
    lines = [f"{pairing.flipped:,} pictures get different labels; picture: truth, A, B"]
    lines += [f"  {each.picture}: {each.truth}, {each.first}, {each.second}" for each in pairing.flips[:_MOST_FLIPS]]
    if pairing.flipped > _MOST_FLIPS:
        lines.append("  ... (--json has the first hundred)")
    return Text("\n".join(lines))


def _kib(count: int | None) -> str:
    return "" if count is None else f"{count / 1024:,.1f}"


def _milliseconds(latency: float | None) -> str:
    return "" if latency is None else f"{latency:.3f}"  # a simulator's time says nothing
