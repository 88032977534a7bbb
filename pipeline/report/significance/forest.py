"""The drops of all artefacts, each with its interval, beside the budget."""

from pipeline.report.drawing import ACCENT, BAD, INK, MUTED, Drawing, canvas, finish
from pipeline.report.significance.comparison import Compared, Facts

# A marker besides a colour: not everyone tells the colours apart.
_LOOKS = {"holds": (ACCENT, "o", "full"), "unclear": (MUTED, "o", "none"), "broken": (BAD, "X", "full")}


def draw(facts: Facts) -> dict[str, Drawing]:
    """ "forest": a line for each file and runtime, from what its loss exceeds to what it does not, each with one-sided
    95 % confidence: it ends on one side of the budget just where the budget is called held or broken."""
    names = [each.subject for each in facts.compared]
    figure, axis = canvas(7, 0.8 + 0.3 * len(names))
    axis.axvline(0, color=INK, linewidth=1)
    for row, each in enumerate(facts.compared):
        colour, marker, fill = _LOOKS[each.budget]
        axis.plot([100 * each.drop_floor, 100 * each.drop_bound], [row, row], color=colour, linewidth=2)
        axis.plot(100 * each.drop, row, color=colour, marker=marker, markersize=7, fillstyle=fill, linestyle="none")
        axis.plot([100 * each.allowed] * 2, [row - 0.4, row + 0.4], color=BAD, linestyle="--", linewidth=1.2)
    axis.set(yticks=range(len(names)), xlabel="points of top-1 lost against float; left of 0 gained")
    axis.set_yticklabels(names)
    axis.invert_yaxis()
    axis.grid(axis="x")
    axis.set_axisbelow(True)
    told = " ".join(_told(each) for each in facts.compared)
    words = (
        f"Loss of top-1 against float, in points, on {facts.samples:,} pictures; in brackets what it lies above and "
        f"what below, each with 95 % confidence. {told} {_counted(facts)}"
    )
    return {"forest": finish(figure, "significance-forest", words)}


def _told(each: Compared) -> str:
    return f"{each.subject}: {100 * each.drop:+.2f} ({100 * each.drop_floor:+.2f} to {100 * each.drop_bound:+.2f})."


def _counted(facts: Facts) -> str:
    kinds = [each.budget for each in facts.compared]
    return (
        f"With 95 % confidence the budget holds for {kinds.count('holds')} and is broken by {kinds.count('broken')}; "
        f"of {kinds.count('unclear')} that cannot be told from so few pictures."
    )
