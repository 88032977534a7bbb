"""All checks, in the order of the page."""

import numpy as np

from pipeline.data.dataset import Dataset
from pipeline.evaluation import evaluate_logits
from pipeline.report.inspection import Inspection
from pipeline.report.integrity.contracts import check_pictures, check_quantization
from pipeline.report.integrity.copies import Leaks, find_leaks
from pipeline.report.integrity.facts import Check, Copy, Facts
from pipeline.report.integrity.files import check_golden_vectors, check_hashes
from pipeline.report.integrity.labels import check_answers, check_contract_labels
from pipeline.report.integrity.likeness import SMALLEST
from pipeline.report.integrity.preparation import check_preparation

_SHOWN = 10


def measure(inspection: Inspection) -> Facts:
    """Make every check; the pictures are read once, the endpoint is started once."""
    dataset, blind = inspection.dataset, inspection.blind
    leaks = find_leaks(dataset, inspection.report)
    right = inspection.float_logits.blind_test.argmax(1) == blind.labels
    clean = ~np.isin(blind.index, leaks.positions)
    return Facts(
        checks=(
            check_contract_labels(inspection),
            check_answers(inspection),
            check_pictures(inspection),
            check_preparation(inspection),
            check_quantization(inspection),
            check_hashes(inspection),
            check_golden_vectors(inspection),
            _check_identical(leaks, len(blind)),
            _check_similar(leaks, dataset, inspection.recipe.quantize.budget),
            _check_conflicts(leaks, dataset),
            _check_splits(inspection),
        ),
        compared=len(blind),
        against=len(dataset.labels) - len(blind),
        identical=len(leaks.identical),
        similar=None if leaks.similar is None else len(leaks.similar),
        copies=leaks.copies[:_SHOWN],
        top1=float(np.mean(right)),
        top1_without=float(np.mean(right[clean])) if clean.any() else None,
    )


def _check_identical(leaks: Leaks, count: int) -> Check:
    name = "Blind test apart from training"
    if not len(leaks.identical):
        words = f"None of the {count:,} pictures of the blind test stands, pixel for pixel, in training or validation."
        return Check(name=name, passed=True, words=words)
    named = _named(leaks.copies[: len(leaks.identical)])
    words = (
        f"{len(leaks.identical):,} of {count:,} pictures of the blind test also stand in training or validation, pixel "
        f"for pixel, so that it judges what was learned by heart: {'; '.join(named)}"
        f"{_more(len(leaks.identical))}. Remove them from one side, and train again."
    )
    return Check(name=name, passed=False, words=words, named=named)


def _check_similar(leaks: Leaks, dataset: Dataset, budget: float) -> Check:
    """Fails where the copies could move top-1 by more than the accuracy that the recipe is about."""
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
    named, share = _named(leaks.copies[len(leaks.identical) :]), count / leaks.compared
    words = (
        f"{count:,} of {leaks.compared:,} pictures of the blind test are nearly one of training or validation (saved "
        f"again, brighter, shifted by a pixel, or mirrored): {'; '.join(named)}{_more(count)}. "
    )
    if share <= budget:
        words += f"As they are {share:.2%} of it, they move top-1 by less than the budget of {budget:.2%}."
        return Check(name=name, passed=True, words=words, named=named)
    words += f"They are {share:.2%} of it, more than the budget of {budget:.2%}: remove them, and train again."
    return Check(name=name, passed=False, words=words, named=named)


def _check_conflicts(leaks: Leaks, dataset: Dataset) -> Check:
    name = "One label for one picture"
    if not leaks.conflicts:
        return Check(name=name, passed=True, words="No two identical pictures carry different labels.")
    named = tuple(
        " = ".join(f"{dataset.names[at]} ({dataset.classes[dataset.labels[at]]})" for at in members[:2])
        for members in leaks.conflicts[:_SHOWN]
    )
    words = (
        f"{len(leaks.conflicts):,} sets of identical pictures carry different labels, of which at most one can be "
        f"right: {'; '.join(named)}{_more(len(leaks.conflicts))}. Correct the labels."
    )
    return Check(name=name, passed=False, words=words, named=named)


def _check_splits(inspection: Inspection) -> Check:
    """Whether the float model's top-1 on validation and on the blind test can be of one population."""
    name, logits = "Validation and blind test alike", inspection.float_logits
    validation = evaluate_logits(logits.validation, inspection.validation.labels)
    blind = evaluate_logits(logits.blind_test, inspection.blind.labels)
    told = (
        f"float top-1 is {validation.top1:.2%} on validation ({validation.interval[0]:.1%} to "
        f"{validation.interval[1]:.1%}, {validation.count:,} pictures) and {blind.top1:.2%} on the blind test "
        f"({blind.interval[0]:.1%} to {blind.interval[1]:.1%}, {blind.count:,} pictures)"
    )
    if validation.interval[0] <= blind.interval[1] and blind.interval[0] <= validation.interval[1]:
        return Check(name=name, passed=True, words=f"The {told}; the 95 % intervals meet.")
    direction = "lower" if blind.top1 < validation.top1 else "higher"
    reason = "other pictures than validation has" if direction == "lower" else "pictures that the model has seen"
    words = f"The {told}: {direction} than chance explains. The blind test may hold {reason}; look at both."
    return Check(name=name, passed=False, words=words)


def _named(copies: tuple[Copy, ...]) -> tuple[str, ...]:
    return tuple(
        f"{each.picture} = {each.original} ({each.split}{', mirrored' if each.mirrored else ''})"
        for each in copies[:_SHOWN]
    )


def _more(count: int) -> str:
    return f"; and {count - _SHOWN:,} more" if count > _SHOWN else ""
