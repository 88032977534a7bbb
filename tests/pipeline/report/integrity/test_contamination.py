"""A copy or a wrong label fails where it could move the figures by more than the budget, and is named in any case."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.data.dataset import Dataset, Split
from pipeline.data.source import silent
from pipeline.report.inspection import Inspection
from pipeline.report.integrity.contamination import check_conflicts, check_identical, check_similar
from pipeline.report.integrity.copies import Leaks, find_leaks

BUDGET = 0.02  # of 179 pictures 3


def with_copies(dataset: Dataset, count: int, relabelled: bool) -> tuple[Dataset, Leaks]:
    images, labels = np.array(dataset.images), dataset.labels.copy()
    training = np.flatnonzero(dataset.split == Split.TRAINING)[:count]
    blind = np.flatnonzero(dataset.split == Split.BLIND_TEST)[:count]
    images[blind], labels[blind] = images[training], (labels[training] + relabelled) % 10
    changed = replace(dataset, images=images, labels=labels)
    return changed, find_leaks(changed, silent)


@pytest.mark.parametrize("relabelled", [False, True])
@pytest.mark.parametrize(("copied", "passed"), [(1, True), (3, True), (4, False), (50, False)])
def test_copies_are_named_and_weighed_against_the_budget(
    inspection: Inspection, copied: int, passed: bool, relabelled: bool
) -> None:
    dataset, leaks = with_copies(inspection.dataset, copied, relabelled)
    identical = check_identical(leaks, 179, BUDGET)
    assert identical.passed == passed
    assert f"{copied} of 179: " in identical.words
    conflicts = check_conflicts(leaks, dataset, BUDGET)
    assert conflicts.passed == (passed or not relabelled)
    blind = np.flatnonzero(dataset.split == Split.BLIND_TEST)
    assert len(identical.named) == min(copied, 10)
    assert len(conflicts.named) == (min(copied, 10) if relabelled else 0)
    assert dataset.names[blind[0]] in identical.words


def test_labels_that_contradict_each_other_in_training_are_named_without_failing(inspection: Inspection) -> None:
    dataset = inspection.dataset
    images, labels = np.array(dataset.images), dataset.labels.copy()
    training = np.flatnonzero(dataset.split == Split.TRAINING)
    images[training[:20]], labels[training[:20]] = images[training[20:40]], (labels[training[20:40]] + 1) % 10
    changed = replace(dataset, images=images, labels=labels)
    check = check_conflicts(find_leaks(changed, silent), changed, BUDGET)
    assert (check.passed, len(check.named)) == (True, 10)
    assert "Of the blind test's pictures 0 stand in one." in check.words


@pytest.mark.parametrize(("found", "passed"), [(2, True), (3, False)])
def test_pictures_nearly_trained_on_are_weighed_against_the_budget(
    inspection: Inspection, found: int, passed: bool
) -> None:
    similar = np.arange(found)
    leaks = Leaks(identical=similar[:0], similar=similar, copies=(), compared=100, conflicts=())
    check = check_similar(leaks, inspection.dataset, BUDGET)
    assert check.passed == passed
    assert f"{found} of 100" in check.words
