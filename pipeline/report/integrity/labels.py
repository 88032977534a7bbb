"""Are the labels those of the data set, in its order, in the contract and in the answers?"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.stats import binomtest

from pipeline.evaluation import Logits
from pipeline.report.inspection import Artefact, Inspection
from pipeline.report.integrity.facts import Check
from pipeline.statistics import SIGNIFICANT

_SHOWN = 10
_CHANCE = SIGNIFICANT  # that classes look exchanged which are not, over all of them


def check_contract_labels(inspection: Inspection) -> Check:
    """Every contract's labels against the data set's classes, in order."""
    name, classes = "Labels of the contracts", inspection.dataset.classes
    wrong = [
        f"{artefact.target}: {difference}"
        for artefact in inspection.artefacts
        for difference in label_differences(artefact.contract.output.labels, classes)
    ]
    if wrong:
        words = (
            "A contract names its outputs otherwise than the data set names its classes, so that right answers are "
            f"told under wrong names: {'; '.join(wrong[:_SHOWN])}. Export again."
        )
        return Check(name=name, passed=False, words=words, named=tuple(wrong[:_SHOWN]))
    words = f"Every contract has the {len(classes):,} classes of the data set, in its order."
    return Check(name=name, passed=True, words=words)


def label_differences(labels: tuple[str, ...], classes: tuple[str, ...]) -> list[str]:
    """What is wrong with `labels` where they should be `classes`, in words; empty where they are."""
    if len(labels) != len(classes):
        return [f"{len(labels)} labels, the data set has {len(classes)} classes"]
    places = [at for at, (label, name) in enumerate(zip(labels, classes, strict=True)) if label != name]
    if len(places) == 2 and {labels[at] for at in places} == {classes[at] for at in places}:
        first, second = places
        return [f"labels {classes[first]!r} and {classes[second]!r} are swapped"]
    return [f"label {at} is {labels[at]!r}, the data set has {classes[at]!r}" for at in places]


def check_answers(inspection: Inspection) -> Check:
    """Whether the float model, or an artefact by its contract's names, confuses classes as exchanged labels would."""
    name, classes, budget = "Labels of the answers", inspection.dataset.classes, inspection.recipe.quantize.budget
    truth = inspection.blind.labels
    needed = math.ceil(math.log2(len(classes) / _CHANCE))
    told = int(np.count_nonzero(np.bincount(truth, minlength=len(classes)) >= needed))
    if told < 2:
        words = f"An exchange of labels shows in classes of at least {needed} pictures; the blind test has {told} such."
        return Check(name=name, passed=None, words=words)
    answers = {"float Keras": inspection.float_logits.blind_test.argmax(1)}
    for artefact in inspection.artefacts:
        answers[artefact.target] = _by_name(artefact, inspection.logits(artefact.subjects[0]), classes)
    found = [
        f"{who}: {words}" for who, labels in answers.items() for words in exchanged(labels, truth, classes, budget)
    ]
    if found:
        words = (
            f"The blind test's answers look as if labels were exchanged: {'; '.join(found[:_SHOWN])}. Compare the "
            "class folders and the contract's labels with pictures of those classes."
        )
        return Check(name=name, passed=False, words=words, named=tuple(found[:_SHOWN]))
    words = (
        f"No classes are called by each other's names on the blind test beyond chance, so that putting them right "
        f"would win more than the budget of {budget:.2%}. {told:,} of {len(classes):,} classes have the {needed} "
        "pictures or more that it takes to tell."
    )
    return Check(name=name, passed=True, words=words)


def _by_name(artefact: Artefact, logits: Logits, classes: tuple[str, ...]) -> NDArray[np.int64]:
    """The answered classes, found by the contract's names; where it names none of them, -1."""
    position = {name: at for at, name in enumerate(classes)}
    named = np.full(logits.shape[1], -1)  # a contract may name fewer, or more
    for at, label in enumerate(artefact.contract.output.labels[: len(named)]):
        named[at] = position.get(label, -1)
    answered: NDArray[np.int64] = named[logits.argmax(1)]
    return answered


def exchanged(
    answers: NDArray[np.int64], truth: NDArray[np.int32], classes: tuple[str, ...], budget: float
) -> list[str]:
    """The classes, in words, that are called by each other's names; `answers` int64 [n], -1 for none of `classes`.

    Looked for are circles of classes, each called by the name of the next more often than by its own, beyond chance,
    which a model that is weak or always says the same does not make; putting their names right has to win more than
    `budget`, a share of the pictures.
    """
    count, known = len(classes), answers >= 0
    confusion = np.zeros((count, count), np.int64)
    np.add.at(confusion, (truth[known], answers[known]), 1)
    _, better = linear_sum_assignment(confusion, maximize=True)
    circles = [circle for circle in _circles(better) if all(_taken(confusion, at, better[at]) for at in circle)]
    members = [at for circle in circles for at in circle]
    won = sum(int(confusion[at, better[at]] - confusion[at, at]) for at in members)
    if won <= budget * len(truth):
        return []
    return [
        f"{confusion[at, better[at]]} of {np.count_nonzero(truth == at)} pictures of {classes[at]!r} are called "
        f"{classes[better[at]]!r}, {confusion[at, at]} by their name"
        for at in members
    ]


def _circles(order: NDArray[np.int64]) -> list[list[int]]:
    """The cycles of a permutation, int64 [n], that move something."""
    found: list[list[int]] = []
    left = set(np.flatnonzero(order != np.arange(len(order))).tolist())
    while left:
        circle = [min(left)]
        while (following := int(order[circle[-1]])) != circle[0]:
            circle.append(following)
        left -= set(circle)
        found.append(circle)
    return found


def _taken(confusion: NDArray[np.int64], label: int, other: int) -> bool:
    """Whether pictures of `label` are called `other` more often than by their name, beyond chance."""
    taken, right = int(confusion[label, other]), int(confusion[label, label])
    # n classes make at most n^L / L circles of length L, so that this bounds the chance of any to sum(_CHANCE^L / L),
    # 0.0013 from L = 2 on; and where all but one of a circle's classes are truly taken for the next, to _CHANCE.
    allowed = _CHANCE / len(confusion)
    return taken > right and float(binomtest(taken, taken + right, alternative="greater").pvalue) <= allowed
