"""Losses by size and seed of the set, and the ranges beside what was seen."""

from pipeline.report.calibration.facts import Facts
from pipeline.report.drawing import ACCENT, BAD, GRID, MUTED, Drawing, canvas, finish

_MOST_LAYERS = 15


def draw(facts: Facts) -> dict[str, Drawing]:
    """ "trials": the loss with each other set; "ranges": what the float network computes beside what int8 can hold."""
    drawings = {}
    if facts.trials:
        drawings["trials"] = _trials(facts)
    if facts.ranges:
        drawings["ranges"] = _ranges(facts)
    return drawings


def _trials(facts: Facts) -> Drawing:
    sizes = sorted({facts.samples, *(trial.samples for trial in facts.trials)})
    figure, axis = canvas(7, 0.9 + 0.45 * len(sizes))
    axis.axvline(100 * facts.own_drop, color=MUTED, linestyle=":", linewidth=1)
    for trial in facts.trials:
        axis.plot(100 * trial.drop, sizes.index(trial.samples), marker="o", color=ACCENT, markersize=7, alpha=0.75)
    axis.plot(100 * facts.own_drop, sizes.index(facts.samples), marker="D", color=BAD, markersize=7, fillstyle="none")
    axis.set(yticks=range(len(sizes)), xlabel="points of top-1 lost on validation", ylabel="pictures")
    axis.set_yticklabels([str(size) for size in sizes])
    axis.set_ylim(-0.6, len(sizes) - 0.4)
    axis.grid(axis="x")
    axis.set_axisbelow(True)
    told = "; ".join(f"{trial.samples} with seed {trial.seed}: {100 * trial.drop:.2f}" for trial in facts.trials)
    words = (
        f"Points of top-1 that int8 after training loses with other calibration sets. The recipe's {facts.samples} "
        f"pictures: {100 * facts.own_drop:.2f}. {told}."
    )
    return finish(figure, "calibration-trials", words)


def _ranges(facts: Facts) -> Drawing:
    worst = sorted(facts.ranges, key=lambda each: each.outside, reverse=True)[:_MOST_LAYERS]
    figure, axis = canvas(7, 0.8 + 0.26 * len(worst))
    for row, each in enumerate(worst):
        reach = each.high - each.low
        axis.barh(row, 1, left=0, color=GRID, height=0.7)
        seen = [(each.seen_low - each.low) / reach, (each.seen_high - each.low) / reach]
        axis.plot(seen, [row, row], color=BAD if each.outside else ACCENT, linewidth=3, solid_capstyle="butt")
        axis.plot(seen, [row, row], color=BAD if each.outside else ACCENT, marker="|", linestyle="none", markersize=9)
    axis.set(yticks=range(len(worst)), xlabel="0 to 1: the calibrated range")
    axis.set_yticklabels([each.layer for each in worst])
    axis.invert_yaxis()
    told = "; ".join(
        f"{each.layer}: range {each.low:.2f} to {each.high:.2f}, seen {each.seen_low:.2f} to {each.seen_high:.2f}, "
        f"{100 * each.outside:.3f} % clipped"
        for each in worst[:5]
    )
    words = (
        f"Values of {len(worst)} layers on {facts.ranged} validation pictures within their calibrated ranges. {told}."
    )
    return finish(figure, "calibration-ranges", words)
