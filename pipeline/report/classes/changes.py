"""What each class loses in each distinct model against float, and what its pictures are taken for instead."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.report.inspection import Inspection
from pipeline.statistics import SIGNIFICANT, Interval, mcnemar_exact, pair, score_interval

_MOST_IN_MATRIX = 100  # classes; a larger matrix is no help to anyone, and megabytes
_MOST_PAIRS = 20

Matrix = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class ClassChange:
    """A class of `samples` blind-test pictures, one at least; `float_right` and `right` are counts of them.

    `lost`: float alone is right; `gained`: the model alone is. `drop`: loss of recall, a share, with Tango's 95 %
    interval. `p`: McNemar's exact test, adjusted for the number of classes (Benjamini and Hochberg, 1995). `mostly`:
    what the model most often takes the lost pictures for; empty where none is lost.
    """

    name: str
    samples: int
    float_right: int
    right: int
    lost: int
    gained: int
    drop: float
    drop_interval: Interval
    p: float
    mostly: str

    @property
    def real(self) -> bool:
        """Whether it changed more than chance would."""
        return self.p < SIGNIFICANT


@dataclass(frozen=True, kw_only=True)
class PairChange:
    """Pictures of the class `truth` that are taken for `answer`: `before` by float, `after` by the model."""

    truth: str
    answer: str
    before: int
    after: int


@dataclass(frozen=True, kw_only=True)
class ModelChange:
    """A distinct model by its reference. `alike`: other models that give every picture the same label. `flips`:
    pictures whose label differs from float's.

    `classes`: the largest drop first, without those that have no picture in the blind test. `pairs`: the confusions
    that changed most, 20 at most. `matrix`: counts by true class (row) and answer (column), where the classes are few.
    """

    subject: str
    alike: tuple[str, ...]
    precision: str
    flips: int
    classes: tuple[ClassChange, ...]
    pairs: tuple[PairChange, ...]
    matrix: Matrix | None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """`samples`: pictures of the blind test; `float_matrix` and `matrix` are None for more than 100 classes."""

    samples: int
    names: tuple[str, ...]
    float_matrix: Matrix | None
    models: tuple[ModelChange, ...]

    @property
    def level(self) -> float:
        """The p below which a change is more than chance."""
        return SIGNIFICANT


def measure(inspection: Inspection) -> Facts:
    """Count what float and the reference of each distinct model answer to the blind test."""
    truth, names = inspection.blind.labels, inspection.dataset.classes
    before = inspection.float_logits.blind_test.argmax(1)
    models: dict[bytes, ModelChange] = {}
    for number, artefact in enumerate(inspection.models):
        inspection.report("counting by class", number, len(inspection.models))
        subject = artefact.subjects[0]
        after = inspection.logits(subject).argmax(1)
        known = models.get(after.tobytes())
        models[after.tobytes()] = (
            compare_classes(subject.name, artefact.precision, truth, before, after, names)
            if known is None
            else replace(known, alike=(*known.alike, subject.name))
        )
    float_matrix = _matrix(truth, before, len(names))
    return Facts(samples=len(truth), names=names, float_matrix=float_matrix, models=tuple(models.values()))


def compare_classes(
    subject: str,
    precision: str,
    truth: NDArray[np.int32],
    before: NDArray[np.intp],
    after: NDArray[np.intp],
    names: tuple[str, ...],
) -> ModelChange:
    """What changed from one model's labels [n] to another's, where `truth` is right; all are indices into `names`."""
    return ModelChange(
        subject=subject,
        alike=(),
        precision=precision,
        flips=int(np.count_nonzero(before != after)),
        classes=_classes(truth, before, after, names),
        pairs=_pairs(truth, before, after, names),
        matrix=_matrix(truth, after, len(names)),
    )


def _classes(
    truth: NDArray[np.int32], before: NDArray[np.intp], after: NDArray[np.intp], names: tuple[str, ...]
) -> tuple[ClassChange, ...]:
    from scipy.stats import false_discovery_control

    present = np.unique(truth)
    pairs = {label: pair(*(answers[truth == label] == label for answers in (before, after))) for label in present}
    adjusted = false_discovery_control([mcnemar_exact(each) for each in pairs.values()])
    changes = []
    for (label, counted), p in zip(pairs.items(), adjusted, strict=True):
        float_right = int(np.count_nonzero((truth == label) & (before == label)))
        wrongly = after[(truth == label) & (before == label) & (after != label)]
        changes.append(
            ClassChange(
                name=names[label],
                samples=counted.count,
                float_right=float_right,
                right=float_right - counted.lost + counted.gained,
                lost=counted.lost,
                gained=counted.gained,
                drop=counted.drop,
                drop_interval=score_interval(counted),
                p=float(p),
                mostly=names[np.bincount(wrongly).argmax()] if len(wrongly) else "",
            )
        )
    return tuple(sorted(changes, key=lambda each: each.drop, reverse=True))


def _pairs(
    truth: NDArray[np.int32], before: NDArray[np.intp], after: NDArray[np.intp], names: tuple[str, ...]
) -> tuple[PairChange, ...]:
    # Sparse: a thousand classes have a million pairs, nearly all of them empty.
    codes, counts = [], []
    for answers in (before, after):
        wrong = answers != truth
        found = np.unique(truth[wrong].astype(np.int64) * len(names) + answers[wrong], return_counts=True)
        codes.append(found[0])
        counts.append(dict(zip(found[0].tolist(), found[1].tolist(), strict=True)))
    changed = [
        PairChange(
            truth=names[code // len(names)],
            answer=names[code % len(names)],
            before=counts[0].get(code, 0),
            after=counts[1].get(code, 0),
        )
        for code in np.union1d(*codes).tolist()
        if counts[0].get(code, 0) != counts[1].get(code, 0)
    ]
    changed.sort(key=lambda each: abs(each.after - each.before), reverse=True)
    return tuple(changed[:_MOST_PAIRS])


def _matrix(truth: NDArray[np.int32], answers: NDArray[np.intp], classes: int) -> Matrix | None:
    if classes > _MOST_IN_MATRIX:
        return None
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (truth, answers), 1)
    return tuple(tuple(row) for row in counts.tolist())
