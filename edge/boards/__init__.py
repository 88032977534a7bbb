"""Boards as data: one TOML file for a target, a table for each board, a source for each number.

    [sources]
    datasheet = "https://..."

    [orin-nano]
    title = "Jetson Orin Nano 8 GB"
    memory_bytes = { value = 8_589_934_592, source = "datasheet" }

A figure's unit ends its name; a figure may be a word (a version, a part's name) or a truth value too.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edge.device.errors import BadBoard

FOLDER = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One fact of a board and the address of the document that states it."""

    value: int | float | str | bool
    source: str


@dataclass(frozen=True, kw_only=True)
class Board:
    name: str  # e.g. "orin-nano"
    target: str
    title: str
    figures: Mapping[str, Figure]

    def number(self, figure: str) -> float | None:
        """The value of a numeric figure, None where the board's table has none."""
        known = self.figures.get(figure)
        return None if known is None or isinstance(known.value, str) else float(known.value)

    def word(self, figure: str) -> str | None:
        """The value of a figure as text, None where the board's table has none."""
        known = self.figures.get(figure)
        return None if known is None else str(known.value)


@cache
def boards_of(target: str) -> Mapping[str, Board]:
    """The boards of `target` by name; empty where it has none."""
    path = FOLDER / f"{target}.toml"
    if not path.exists():
        return {}
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    sources = tables.pop("sources")
    return {name: _board(name, target, table, sources) for name, table in tables.items()}


def find_board(target: str, name: str | None) -> Board | None:
    """The board called `name`; None where none is asked for.

    Raises BadBoard where `target` has no such board.
    """
    if name is None:
        return None
    known = boards_of(target)
    if name not in known:
        expected = f"expected one of {', '.join(known)}" if known else "this target has no boards: leave it out"
        raise BadBoard(f"board {name!r}: unknown to the target {target}; {expected} (`edgewise boards` lists all)")
    return known[name]


def _board(name: str, target: str, table: dict[str, object], sources: dict[str, str]) -> Board:
    figures = {
        key: Figure(value=entry["value"], source=sources[entry["source"]])
        for key, entry in table.items()
        if isinstance(entry, dict)
    }
    return Board(name=name, target=target, title=str(table["title"]), figures=figures)
