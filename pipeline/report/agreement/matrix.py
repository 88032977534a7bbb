"""The matrix of flips."""

from typing import Any

from pipeline.report.agreement.facts import Facts, Pair
from pipeline.report.drawing import ACCENT, GRID, INK, Drawing, canvas, finish

_CELL = 0.42  # inches
_EDGE = 0.8
_WIDEST = 7.0


def draw(facts: Facts) -> dict[str, Drawing]:
    """ "matrix": how many labels differ between each two groups; nothing where all answer alike."""
    count = len(facts.groups)
    if count < 2:
        return {}
    side = min(_WIDEST, _EDGE + _CELL * count)
    figure, axis = canvas(side, side)
    most = max(pair.flips for pair in facts.pairs)
    for pair in facts.pairs:
        for row, column in ((pair.second, pair.first), (pair.first, pair.second)):
            _cell(axis, row, column, pair, most)
    names = [each.letter for each in facts.groups]
    for position in range(count):
        axis.text(position, position, names[position], ha="center", va="center", fontweight="bold")
    axis.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5), xticks=range(count), yticks=range(count))
    axis.set(xticklabels=names, yticklabels=names, aspect="equal")
    axis.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axis.spines[:].set_visible(False)
    return {"matrix": finish(figure, "agreement-matrix", _words(facts))}


def _cell(axis: Any, row: int, column: int, pair: Pair, most: int) -> None:
    from matplotlib.patches import Rectangle

    share = pair.flips / most if most else 0.0
    # A square root lets the few flips between sibling runtimes show beside the many against float.
    axis.add_patch(
        Rectangle((column - 0.47, row - 0.47), 0.94, 0.94, facecolor=ACCENT, alpha=0.45 * share**0.5, edgecolor=GRID)
    )
    text = f"{pair.flips:,}" if pair.flips < 10_000 else f"{pair.flips / 1000:.0f}k"
    axis.text(column, row, text, ha="center", va="center", fontsize=8, color=INK)


def _words(facts: Facts) -> str:
    letters = [each.letter for each in facts.groups]
    names = "; ".join(f"{each.letter}: {', '.join(each.names)}" for each in facts.groups)
    cells = ", ".join(f"{letters[pair.first]} and {letters[pair.second]} {pair.flips:,}" for pair in facts.pairs)
    return f"Labels that differ on {facts.pictures:,} pictures. {names}. Flips between {cells}."
