"""Does the blind test judge what was not trained on, by right labels? What was found is weighed against the budget."""

import numpy as np

from pipeline.data.dataset import Dataset, Split
from pipeline.report.integrity.copies import Leaks
from pipeline.report.integrity.facts import Check, Copy
from pipeline.report.integrity.likeness import SMALLEST

_SHOWN = 10


def check_identical(leaks: Leaks, count: int, budget: float) -> Check:
    """Pictures of the blind test, `count` in all, that are also trained on; `budget` is a share of top-1."""
    name = "Blind test apart from training"
    if not len(leaks.identical):
        words = f"None of the {count:,} pictures of the blind test stands, pixel for pixel, in training or validation."
        return Check(name=name, passed=True, words=words)
    named = _named(leaks.copies[: len(leaks.identical)])
    words = (
        "Pictures of the blind test that also stand in training or validation, pixel for pixel, so that they judge "
        f"what was learned by heart: {len(leaks.identical):,} of {count:,}: {'; '.join(named)}"
        f"{_more(len(leaks.identical))}. "
    )
    return _weighed(
        name, words, named, len(leaks.identical) / count, budget, "remove them from one side, and train again"
    )


def check_similar(leaks: Leaks, dataset: Dataset, budget: float) -> Check:
    """Pictures of the blind test that are nearly one that is trained on."""
    name = "Blind test apart from copies"
    if leaks.similar is None:
        height, width = dataset.images.shape[1:3]
        words = (
            f"Pictures of {width} x {height} pixels are too small to tell a copy from a likeness (from {SMALLEST} a "
            "side on they are not); only identical ones were looked for."
        )
        return Check(name=name, passed=None, words=words)
    count = len(leaks.similar)
    if not count:
        words = (
            f"None of {leaks.compared:,} pictures of the blind test is nearly one of training or validation: saved "
            "again, brighter, shifted by a pixel, or mirrored."
        )
        return Check(name=name, passed=True, words=words)
    named = _named(leaks.copies[len(leaks.identical) :])
    words = (
        "Pictures of the blind test that are nearly one of training or validation (saved again, brighter, shifted by "
        f"a pixel, or mirrored): {count:,} of {leaks.compared:,}: {'; '.join(named)}{_more(count)}. "
    )
    return _weighed(name, words, named, count / leaks.compared, budget, "remove them, and train again")


def check_conflicts(leaks: Leaks, dataset: Dataset, budget: float) -> Check:
    """Identical pictures of different labels, in any split; those in the blind test bear on its figures."""
    name = "One label for one picture"
    if not leaks.conflicts:
        return Check(name=name, passed=True, words="No two identical pictures carry different labels.")
    named = tuple(
        " = ".join(f"{dataset.names[at]} ({dataset.classes[dataset.labels[at]]})" for at in members[:2])
        for members in leaks.conflicts[:_SHOWN]
    )
    blind = dataset.split == Split.BLIND_TEST
    judged = int(np.count_nonzero(blind[np.concatenate([np.array(members) for members in leaks.conflicts])]))
    words = (
        "Sets of identical pictures that carry different labels, of which at most one can be right: "
        f"{len(leaks.conflicts):,}: {'; '.join(named)}{_more(len(leaks.conflicts))}. "
        f"Of the blind test's pictures {judged:,} stand in one. "
    )
    return _weighed(name, words, named, judged / np.count_nonzero(blind), budget, "correct the labels")


def _weighed(name: str, words: str, named: tuple[str, ...], share: float, budget: float, remedy: str) -> Check:
    """Fails where pictures that are this `share` of the blind test could move top-1 by more than the budget, the
    accuracy that the recipe is about."""
    if share <= budget:
        words += f"They are {share:.2%} of it, too few to move top-1 by more than the budget of {budget:.2%}; "
        return Check(name=name, passed=True, words=f"{words}still, {remedy}.", named=named)
    words += f"They are {share:.2%} of it, more than the budget of {budget:.2%}: {remedy}."
    return Check(name=name, passed=False, words=words, named=named)


def _named(copies: tuple[Copy, ...]) -> tuple[str, ...]:
    return tuple(
        f"{each.picture} = {each.original} ({each.split}{', mirrored' if each.mirrored else ''})"
        for each in copies[:_SHOWN]
    )


def _more(count: int) -> str:
    return f"; and {count - _SHOWN:,} more" if count > _SHOWN else ""
