"""What is wrong with labels is told by their names."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.data.dataset import Split
from pipeline.report.inspection import Inspection
from pipeline.report.integrity.labels import check_answers, exchanged, label_differences

CLASSES = ("cat", "dog", "bird")


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (("cat", "dog", "bird"), []),
        (("cat", "bird", "dog"), ["labels 'dog' and 'bird' are swapped"]),
        (("cat", "dog", "fish"), ["label 2 is 'fish', the data set has 'bird'"]),
        (("cat", "dog"), ["2 labels, the data set has 3 classes"]),
    ],
)
def test_label_differences_name_what_differs(labels: tuple[str, ...], words: list[str]) -> None:
    assert label_differences(labels, CLASSES) == words


def test_label_differences_of_a_rotation_name_every_label() -> None:
    assert len(label_differences(("dog", "bird", "cat"), CLASSES)) == 3


BUDGET = 0.01


def pictures(classes: int, each: int) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    return np.repeat(np.arange(classes, dtype=np.int32), each), tuple(f"class{at}" for at in range(classes))


@pytest.mark.parametrize("always", [0, 7])
@pytest.mark.parametrize("classes", [2, 10, 100])
def test_exchanged_of_a_model_that_always_says_the_same_is_none(always: int, classes: int) -> None:
    truth, names = pictures(classes, 50)
    assert exchanged(np.full(len(truth), always % classes), truth, names, BUDGET) == []


def test_exchanged_of_a_collapsed_model_with_some_noise_is_none() -> None:
    truth, names = pictures(10, 100)
    rng = np.random.default_rng(0)
    answers = np.where(rng.random(len(truth)) < 0.9, 4, rng.integers(0, 10, len(truth)))
    assert exchanged(answers, truth, names, BUDGET) == []


@pytest.mark.parametrize(("classes", "each"), [(2, 15), (10, 18), (10, 1000), (1000, 10)])
def test_exchanged_of_a_model_at_chance_is_hardly_ever_found(classes: int, each: int) -> None:
    truth, names = pictures(classes, each)
    rng = np.random.default_rng(1)
    draws = 100 if classes < 1000 else 5
    found = sum(bool(exchanged(rng.integers(0, classes, len(truth)), truth, names, BUDGET)) for _ in range(draws))
    assert found <= draws // 50


def test_exchanged_of_fine_grained_groups_is_none() -> None:
    """Groups of five are told apart, their members are guessed, two of them more often than others."""
    truth, names = pictures(100, 50)
    rng = np.random.default_rng(2)
    for _ in range(20):
        members = rng.choice(5, len(truth), p=(0.4, 0.3, 0.1, 0.1, 0.1))
        assert exchanged(truth // 5 * 5 + members, truth, names, BUDGET) == []


def weak(truth: NDArray[np.int32], right: float) -> NDArray[np.int64]:
    """Answers of which the share `right` is right, and the others are anything."""
    rng = np.random.default_rng(3)
    answers = rng.integers(0, truth.max() + 1, len(truth))
    return np.where(rng.random(len(truth)) < right, truth, answers)


@pytest.mark.parametrize(("classes", "each", "right"), [(2, 15, 0.95), (10, 18, 0.9), (10, 1000, 0.3), (100, 50, 0.7)])
def test_exchanged_names_the_two_classes_that_were_swapped(classes: int, each: int, right: float) -> None:
    truth, names = pictures(classes, each)
    order = np.arange(classes)
    order[[0, 1]] = order[[1, 0]]
    first, second = exchanged(order[weak(truth, right)], truth, names, BUDGET)
    assert f"of {each} pictures of 'class0' are called 'class1'" in first
    assert f"of {each} pictures of 'class1' are called 'class0'" in second


def test_exchanged_names_every_class_where_labels_are_off_by_one() -> None:
    truth, names = pictures(10, 30)
    found = exchanged((weak(truth, 0.8) + 1) % 10, truth, names, BUDGET)
    assert len(found) == 10


def test_exchanged_of_less_than_the_budget_is_none() -> None:
    truth, names = pictures(1000, 50)
    order = np.arange(1000)
    order[[0, 1]] = order[[1, 0]]
    assert exchanged(order[truth], truth, names, BUDGET) == []
    assert len(exchanged(order[truth], truth, names, 0.001)) == 2


def test_exchanged_leaves_answers_aside_that_name_no_class() -> None:
    truth, names = pictures(10, 18)
    assert exchanged(np.where(truth < 5, -1, truth), truth, names, BUDGET) == []


def test_answers_to_a_few_pictures_of_each_class_are_not_judged(inspection: Inspection) -> None:
    split = inspection.dataset.split.copy()
    split[np.flatnonzero(split == Split.BLIND_TEST)[30:]] = Split.TRAINING
    check = check_answers(replace(inspection, dataset=replace(inspection.dataset, split=split)))
    assert check.passed is None
    assert "classes of at least 8 pictures" in check.words  # 0.5 ** 8 < 0.05 / 10 < 0.5 ** 7
