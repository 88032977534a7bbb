"""All checks, in the order of the page."""

import numpy as np

from pipeline.evaluation import evaluate_logits
from pipeline.report.inspection import Inspection
from pipeline.report.integrity.contamination import check_conflicts, check_identical, check_similar
from pipeline.report.integrity.contracts import check_pictures, check_quantization
from pipeline.report.integrity.copies import find_leaks
from pipeline.report.integrity.facts import Check, Facts
from pipeline.report.integrity.files import check_golden_vectors, check_hashes
from pipeline.report.integrity.labels import check_answers, check_contract_labels
from pipeline.report.integrity.preparation import check_preparation

_SHOWN = 10


def measure(inspection: Inspection) -> Facts:
    """Make every check; the pictures are read once, the endpoint is started once."""
    dataset, blind = inspection.dataset, inspection.blind
    leaks, budget = find_leaks(dataset, inspection.report), inspection.recipe.quantize.budget
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
            check_identical(leaks, len(blind), budget),
            check_similar(leaks, dataset, budget),
            check_conflicts(leaks, dataset, budget),
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
