"""A strip of operators for each target, in order: where each is executed."""

from collections import Counter
from typing import Any

from edge.target import Placement
from pipeline.report.drawing import ACCENT, BAD, INK, MUTED, SERIES, SURFACE, Drawing, canvas, finish
from pipeline.report.names import shorten
from pipeline.report.placement.facts import Facts, Placed

# Colour and hatching, as not everyone tells the colours apart.
_LOOKS: dict[Placement, tuple[str, str, str]] = {
    "accelerator": (ACCENT, "", SURFACE),
    "cpu": (SERIES[1], "///", INK),
    "uncertain": (MUTED, "..", INK),
    "refused": (BAD, "xxx", INK),
}
_NAMED = 48  # operators that can have their names in the map
_ROW_NAMED, _ROW = 24, 40  # cells in a row
_LONGEST = 18  # characters that a cell has room for


def draw(facts: Facts) -> dict[str, Drawing]:
    """By target: the map of its operators, for those that have more than one place to execute them."""
    return {each.target: _map(each) for each in facts.placed if each.operators and not each.whole}


def _map(placed: Placed) -> Drawing:
    from matplotlib.patches import Patch

    named = len(placed.operators) <= _NAMED
    columns, height = (_ROW_NAMED, 1.4) if named else (_ROW, 0.3)
    rows = -(-len(placed.operators) // columns)
    figure, axis = canvas(7, 0.45 + height * rows)
    for at, operator in enumerate(placed.operators):
        row, column = divmod(at, columns)
        _cell(axis, column, row, operator.placement)
        if named:
            colour = _LOOKS[operator.placement][2]
            box = None if operator.placement == "accelerator" else {"facecolor": SURFACE, "edgecolor": "none", "pad": 1}
            axis.text(
                column + 0.5,
                row + 0.5,
                shorten(operator.name, _LONGEST),
                rotation=90,
                ha="center",
                va="center",
                fontsize=7,
                color=colour,
                bbox=box,
            )
    axis.set(xlim=(0, columns), ylim=(rows, 0), xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    present = [placement for placement in _LOOKS if placement in placed.counts]
    handles = [
        Patch(
            facecolor=_face(placement),
            edgecolor=_LOOKS[placement][0],
            hatch=_LOOKS[placement][1],
            label=f"{placement} ({placed.counts[placement]})",
        )
        for placement in present
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
    return finish(figure, f"placement-{placed.target}", _words(placed))


def _cell(axis: Any, column: int, row: int, placement: Placement) -> None:
    from matplotlib.patches import Rectangle

    colour, hatch, _ = _LOOKS[placement]
    cell = Rectangle(
        (column + 0.04, row + 0.04), 0.92, 0.92, facecolor=_face(placement), edgecolor=colour, hatch=hatch, linewidth=1
    )
    axis.add_patch(cell)


def _face(placement: Placement) -> str:
    """Hatched cells are drawn on the page's own ground, so that the hatching shows."""
    colour, hatch, _ = _LOOKS[placement]
    return SURFACE if hatch else colour


def _words(placed: Placed) -> str:
    """The runs of operators that stand in one place, in order."""
    runs: list[tuple[str, list[str]]] = []
    for operator in placed.operators:
        if not runs or runs[-1][0] != operator.placement:
            runs.append((operator.placement, []))
        runs[-1][1].append(operator.name)
    told = "; ".join(f"{placement}: {_counted(names)}" for placement, names in runs[:12])
    more = f"; and {len(runs) - 12} more changes of place" if len(runs) > 12 else ""
    return f"Operators of {placed.target} in order, by where they are executed. {told}{more}."


def _counted(names: list[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in Counter(names).items())
