"""Are the labels those of the data set, in its order, in the contract and in the answers?"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.stats import binomtest

from pipeline.evaluation import Logits
from pipeline.report.inspection import Artefact, Inspection
from pipeline.report.integrity.facts import Check

_SHOWN = 10
_CHANCE = 0.001  # that one class would be taken for another so often if both were as likely


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
    words = f"All {len(inspection.artefacts)} contracts have the {len(classes)} classes of the data set, in its order."
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
    """Whether the float model, or an artefact by its contract's names, confuses classes as swapped labels would."""
    name, classes = "Labels of the answers", inspection.dataset.classes
    truth = inspection.blind.labels
    found = [
        f"float Keras: {words}" for words in _swapped(inspection.float_logits.blind_test.argmax(1), truth, classes)
    ]
    for artefact in inspection.artefacts:
        answers = _by_name(artefact, inspection.logits(artefact.subjects[0]), classes)
        found += [f"{artefact.target}: {words}" for words in _swapped(answers, truth, classes)]
    if found:
        words = (
            f"The blind test's answers look as if labels were exchanged: {'; '.join(found[:_SHOWN])}. Compare the "
            "class folders and the contract's labels with pictures of those classes."
        )
        return Check(name=name, passed=False, words=words, named=tuple(found[:_SHOWN]))
    words = f"On {len(truth):,} pictures no other order of the labels would make more of the answers right."
    return Check(name=name, passed=True, words=words)


def _by_name(artefact: Artefact, logits: Logits, classes: tuple[str, ...]) -> NDArray[np.int64]:
    """The answered classes, found by the contract's names; where it names none of them, -1."""
    position = {name: at for at, name in enumerate(classes)}
    named = np.array([position.get(label, -1) for label in artefact.contract.output.labels])
    answered: NDArray[np.int64] = named[logits.argmax(1)]
    return answered


def _swapped(answers: NDArray[np.int64], truth: NDArray[np.int32], classes: tuple[str, ...]) -> list[str]:
    """The classes, in words, that another naming of the answers would put right beyond chance."""
    count = len(classes)
    known = answers >= 0
    confusion = np.zeros((count, count), np.int64)
    np.add.at(confusion, (truth[known], answers[known]), 1)
    _, better = linear_sum_assignment(confusion, maximize=True)
    found = []
    for label in np.flatnonzero(better != np.arange(count)):
        other = better[label]
        taken, right = int(confusion[label, other]), int(confusion[label, label])
        chance = binomtest(taken, taken + right, alternative="greater").pvalue if taken + right else 1.0
        if chance < _CHANCE:
            found.append(
                f"{taken} of {int(confusion[label].sum())} pictures of {classes[label]!r} are called "
                f"{classes[other]!r}, {right} by their name"
            )
    return found
