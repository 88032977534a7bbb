"""Comparisons of answers against naive counts."""

import numpy as np
import pytest

from pipeline.data.dataset import Samples
from pipeline.report.agreement.answering import NO_ANSWER, Answering, answering, group, pairs_of
from pipeline.report.agreement.flips import SHOWN, against_reference, flipping_pictures, shown_flips

COUNT, CLASSES = 2000, 7
STEP = 0.25


@pytest.fixture(scope="module")
def everyone() -> list[Answering]:
    """The reference, a noisy relative, another model, and a device that told labels of every third picture."""
    rng = np.random.default_rng(0)
    logits = (rng.integers(-20, 20, (COUNT, CLASSES)) * STEP).astype(np.float32)
    noisy = logits + STEP * rng.integers(-1, 2, logits.shape).astype(np.float32)
    other = rng.normal(0, 3, logits.shape).astype(np.float32)
    labels = np.full(COUNT, NO_ANSWER, np.int64)
    labels[::3] = rng.integers(0, CLASSES, len(labels[::3]))
    return [
        answering("reference", "runtime", logits),
        answering("noisy", "runtime", noisy),
        answering("other", "float", other),
        Answering(name="device", kind="device", labels=labels),
    ]


@pytest.fixture(scope="module")
def samples() -> Samples:
    rng = np.random.default_rng(1)
    return Samples(
        images=rng.integers(0, 256, (COUNT, 9, 9, 1)).astype(np.uint8),
        labels=rng.integers(0, CLASSES, COUNT).astype(np.int32),
        index=np.arange(COUNT),
        names=tuple(map(str, range(COUNT))),
    )


def test_pairs_count_flips_as_a_loop_does(everyone: list[Answering]) -> None:
    pairs = {(pair.first, pair.second): pair for pair in pairs_of(everyone)}
    assert len(pairs) == 6
    for (first, second), pair in pairs.items():
        one, other = everyone[first].labels.tolist(), everyone[second].labels.tolist()
        both = [(a, b) for a, b in zip(one, other, strict=True) if a >= 0 and b >= 0]
        assert (pair.pictures, pair.flips) == (len(both), sum(a != b for a, b in both))
    assert pairs[0, 1].difference == STEP
    assert pairs[0, 3].difference is None


def test_pairs_with_answers_that_are_no_numbers_have_no_difference(everyone: list[Answering]) -> None:
    logits = np.zeros((COUNT, CLASSES), np.float32)
    logits[3, 2] = np.nan
    (pair,) = pairs_of([everyone[0], answering("broken", "runtime", logits)])
    assert pair.difference is None


def test_groups_hold_those_that_are_equal_to_the_bit(everyone: list[Answering]) -> None:
    first = everyone[0].logits
    assert first is not None
    nearly = first.copy()
    nearly[-1, -1] = np.nextafter(nearly[-1, -1], np.float32(np.inf))
    several = [*everyone, answering("twin", "runtime", first.copy()), answering("nearly", "runtime", nearly)]
    assert group(several) == [[0, 4], [1], [2], [3], [5]]


def test_flips_from_the_reference_are_told_as_a_loop_counts_them(everyone: list[Answering], samples: Samples) -> None:
    found = {each.group: each for each in against_reference(everyone, 0, samples.labels, STEP)}
    logits, reference = everyone[0].logits, everyone[0].labels
    assert logits is not None
    for position in (1, 2, 3):
        labels = everyone[position].labels
        flips = [at for at in range(COUNT) if labels[at] >= 0 and labels[at] != reference[at]]
        margins = [float(logits[at].max() - logits[at, labels[at]]) for at in flips]
        assert found[position].flips == len(flips)
        assert found[position].broken == sum(reference[at] == samples.labels[at] for at in flips)
        assert found[position].mended == sum(labels[at] == samples.labels[at] for at in flips)
        assert found[position].close == sum(margin in (0, STEP) for margin in margins)
        assert found[position].widest == max(margins)
    everywhere = {at for at in range(COUNT) for each in everyone if each.labels[at] not in (NO_ANSWER, reference[at])}
    assert set(flipping_pictures(everyone, 0).tolist()) == everywhere


def test_flips_shown_are_of_every_group_and_the_surest_first(everyone: list[Answering], samples: Samples) -> None:
    flips = shown_flips(everyone, 0, samples, tuple("abcdefg"))
    assert len(flips) == SHOWN
    assert len({flip.picture for flip in flips}) == SHOWN
    assert {flip.group for flip in flips} == {1, 2, 3}
    found = {each.group: each for each in against_reference(everyone, 0, samples.labels, STEP)}
    for position in (1, 2):
        assert next(flip for flip in flips if flip.group == position).margin == found[position].widest
    for flip in flips:
        at = int(flip.picture)
        assert flip.other == "abcdefg"[everyone[flip.group].labels[at]] != flip.reference
        assert flip.truth == "abcdefg"[samples.labels[at]]


def test_flips_shown_are_none_where_all_answer_alike(everyone: list[Answering], samples: Samples) -> None:
    assert shown_flips(everyone[:1], 0, samples, tuple("abcdefg")) == ()
    assert against_reference(everyone[:1], 0, samples.labels, None) == ()
