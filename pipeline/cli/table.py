"""The proofs as a table for a terminal."""

from pathlib import Path

from rich.console import Group
from rich.table import Table
from rich.text import Text

from pipeline.results import Proven, Row

_WIDE = 134  # columns that the whole table takes; a narrower terminal sees the figures that matter most


def table(proven: Proven, width: int) -> Group:
    """The proofs as a table for a terminal of `width` columns; figures come from the blind test."""
    reference = proven.float_model
    title = (
        f"{proven.recipe}: float Keras {reference.top1:.2%} top-1 ({interval_words(reference.top1_interval)}) "
        f"on {reference.samples:,} blind-test pictures"
    )
    if not proven.artefacts:
        return Group(Text(title, "bold"))
    grid = Table(title=title, title_justify="left", title_style="bold")
    for name, _ in _columns(proven.artefacts[0], width):
        grid.add_column(name, justify="left" if name in _WORDS else "right", no_wrap=True)
    before = None
    for row in proven.artefacts:
        if before not in (None, row.target):
            grid.add_section()
        cells = dict(_columns(row, width))
        if row.target == before:
            cells |= {"target": "", "precision": ""}
        before = row.target
        grid.add_row(*cells.values())
    refused = [
        Text(f"not proven: {row.target}: {Path(row.file).name} in {row.runtime}: {row.refused}", "red")
        for row in proven.artefacts
        if row.refused
    ]
    doubts = dict.fromkeys(row.doubt for row in proven.artefacts if row.doubt and not row.refused)
    grid.caption = "drop: points of top-1 lost against float; agrees: labels equal to the reference's; one thread"
    return Group(grid, *refused, *(Text(doubt, "yellow") for doubt in doubts))


_WORDS = ("target", "precision", "file", "runtime", "")


def _columns(row: Row, width: int) -> list[tuple[str, str]]:
    """Column names with a row's cells."""
    wide = width >= _WIDE
    cells = [
        ("target", row.target),
        ("precision", row.precision),
        ("file", Path(row.file).name),
        ("runtime", row.runtime),
        ("top-1", f"{row.top1:.2%}"),
        ("95 %", interval_words(row.top1_interval) if wide else ""),
        ("drop", f"{100 * row.drop:+.2f}"),
        ("agrees", f"{row.agreement:.2%}" if wide else ""),
        ("KiB", f"{row.bytes / 1024:,.1f}" if wide else ""),
        ("p50 ms", _milliseconds(row.latency_ms.p50)),
        ("p99 ms", _milliseconds(row.latency_ms.p99) if wide else ""),
        ("", "[red]not proven[/]" if row.refused else "[green]fastest[/]" if row.fastest else ""),
    ]
    return cells if wide else [(name, cell) for name, cell in cells if name not in ("95 %", "agrees", "KiB", "p99 ms")]


def _milliseconds(latency: float | None) -> str:
    return "" if latency is None else f"{latency:.3f}"  # a simulator's time says nothing


def interval_words(bounds: tuple[float, float]) -> str:
    """An interval of shares, in percent."""
    return f"{100 * bounds[0]:.1f}–{100 * bounds[1]:.1f}"  # noqa: RUF001 - an en dash spans a range
