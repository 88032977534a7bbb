"""The audit in words."""

from collections.abc import Sequence
from statistics import mean

from pipeline.report.calibration.facts import Facts, Trial

CLIPPED = 0.001  # share of a layer's values: what is clipped more often than that is said
_MOST_NAMED = 5


def verdict(facts: Facts) -> tuple[str, ...]:
    """Sentences on the classes, the ranges, the seed and the size, and on who depends on the set."""
    sentences = [_dependence(facts), _classes(facts), _ranges(facts)]
    if _exhausted(facts):
        sentences.append(f"All {facts.samples:,} training pictures are in the set, whatever the seed.")
    own_size = [trial for trial in facts.trials if trial.samples >= facts.samples]
    if own_size:
        sentences.append(_seeds(facts, own_size))
    sizes = sorted({trial.samples for trial in facts.trials if trial.samples < facts.samples})
    sentences += [_size([trial for trial in facts.trials if trial.samples == size]) for size in sizes]
    return tuple(sentences)


def _dependence(facts: Facts) -> str:
    if facts.depends_on_it:
        return f"The artefacts for {', '.join(facts.depends_on_it)} take their ranges from this set."
    return (
        "No artefact of this run takes its ranges from this set: they were learned in training, or there are none. "
        "What follows is of int8 after training, as it would have been."
    )


def _classes(facts: Facts) -> str:
    missing = [each.label for each in facts.classes if each.training and not each.calibration]
    if missing:
        named = ", ".join(missing[:_MOST_NAMED]) + (", ..." if len(missing) > _MOST_NAMED else "")
        return (
            f"{len(missing)} of {len(facts.classes)} classes are not in it ({named}): "
            f"raise quantize.calibration_samples to {len(facts.classes)} at least."
        )
    counts = [each.calibration for each in facts.classes if each.training]
    span = f"{counts[0]}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    return f"Every class is in it, with {span} pictures each."


def _ranges(facts: Facts) -> str:
    clipped = [each for each in facts.ranges if each.outside > CLIPPED]
    if not facts.ranges:
        return "No layer of the float network could be held against a range."
    worst = max(facts.ranges, key=lambda each: each.outside)
    if clipped:
        told = (
            f"{len(clipped)} of {len(facts.ranges)} layers clip more than {100 * CLIPPED:.1f} % of their values on "
            f"{facts.ranged} other pictures, {worst.layer} {100 * worst.outside:.2f} %"
        )
        return f"{told}." if _exhausted(facts) else f"{told}: more pictures in the set would widen their ranges."
    if worst.outside:
        most = f"no layer clips more than {100 * CLIPPED:.1f} % of its values"
        return f"On {facts.ranged} other pictures the ranges hold: {most}; {worst.layer} clips most."
    return f"On {facts.ranged} other pictures the ranges hold: nothing is clipped."


def _exhausted(facts: Facts) -> bool:
    """Whether every training picture is in the set, so that there are no others to take."""
    return facts.samples == sum(each.training for each in facts.classes)


def _seeds(facts: Facts, trials: Sequence[Trial]) -> str:
    drops = [facts.own_drop, *(trial.drop for trial in trials)]
    told = (
        f"With {facts.samples} pictures and {len(drops)} seeds the loss is {_points(mean(drops))} points on average, "
        f"from {_points(min(drops))} to {_points(max(drops))}; the recipe's set loses {_points(facts.own_drop)}."
    )
    if any(_real(trial) for trial in trials):
        return f"{told} So the seed matters more than chance explains: raise quantize.calibration_samples."
    return f"{told} That is no more than chance explains on {facts.audited:,} pictures."


def _size(trials: Sequence[Trial]) -> str:
    size, change = trials[0].samples, mean(trial.difference for trial in trials)
    told = f"{size} pictures ({len(trials)} seed{'s' if len(trials) > 1 else ''}): {_points(change)} points more lost"
    if all(_real(trial) and trial.difference > 0 for trial in trials):
        return f"{told}: too few."
    return f"{told}, which these samples do not tell from none."


def _real(trial: Trial) -> bool:
    """Whether the trial answers otherwise than the recipe's set more often than chance explains."""
    low, high = trial.difference_interval
    return low > 0 or high < 0


def _points(share: float) -> str:
    return f"{100 * share:.2f}"
