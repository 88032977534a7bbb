"""The section on classes: counts against scikit-learn's and a loop's, and shapes that other runs have."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, recall_score

from pipeline.report.classes import Facts, draw, measure
from pipeline.report.classes.changes import compare_classes
from pipeline.report.inspection import Inspection


def names_of(count: int) -> tuple[str, ...]:
    return tuple(f"class-{at}" for at in range(count))


def answers(truth: np.ndarray, classes: int, wrong: float, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.where(generator.random(len(truth)) < wrong, generator.integers(0, classes, len(truth)), truth)


def facts_of(classes: int, count: int) -> tuple[Facts, np.ndarray, np.ndarray, np.ndarray]:
    truth = np.random.default_rng(0).integers(0, classes, count).astype(np.int32)
    before, after = answers(truth, classes, 0.2, 1), answers(truth, classes, 0.3, 2)
    names = names_of(classes)
    model = compare_classes("cpu/model.tflite in litert", "int8-ptq", truth, before, after, names)
    return Facts(samples=count, names=names, float_matrix=model.matrix, models=(model,)), truth, before, after


def test_measured_classes_equal_scikit_learns_recalls_and_matrices(inspection: Inspection) -> None:
    facts = measure(inspection)
    truth, labels = inspection.blind.labels, range(len(inspection.dataset.classes))
    before = inspection.float_logits.blind_test.argmax(1)
    assert np.array_equal(facts.float_matrix, confusion_matrix(truth, before, labels=labels))
    model = facts.models[0]
    after = inspection.logits(inspection.models[0].subjects[0]).argmax(1)
    assert np.array_equal(model.matrix, confusion_matrix(truth, after, labels=labels))
    assert model.flips == np.sum(before != after)
    recalls = [recall_score(truth, given, labels=labels, average=None, zero_division=0) for given in (before, after)]
    for each in model.classes:
        at = facts.names.index(each.name)
        assert each.drop == pytest.approx(recalls[0][at] - recalls[1][at])
    assert {name for each in facts.models for name in (each.subject, *each.alike)} == {
        artefact.subjects[0].name for artefact in inspection.models
    }


def test_changed_pairs_and_what_is_lost_to_are_counted_as_a_loop_does() -> None:
    facts, truth, before, after = facts_of(5, 2000)
    (model,) = facts.models
    for each in model.pairs:
        one, other = facts.names.index(each.truth), facts.names.index(each.answer)
        assert one != other
        assert each.before == sum(t == one and b == other for t, b in zip(truth, before, strict=True))
        assert each.after == sum(t == one and a == other for t, a in zip(truth, after, strict=True))
    changes = [abs(each.after - each.before) for each in model.pairs]
    assert changes == sorted(changes, reverse=True) and min(changes) > 0
    for each in model.classes:
        at = facts.names.index(each.name)
        lost_to = after[(truth == at) & (before == at) & (after != at)]
        assert each.lost == len(lost_to)
        counts = np.bincount(lost_to, minlength=5)
        assert counts[facts.names.index(each.mostly)] == counts.max()


def test_a_planted_loss_of_one_class_is_found_and_no_other() -> None:
    truth = np.repeat(np.arange(10, dtype=np.int32), 300)
    before = answers(truth, 10, 0.05, 3)
    after = before.copy()
    cats = np.flatnonzero((truth == 3) & (before == 3))[:40]
    after[cats] = 5
    model = compare_classes("m", "int8-ptq", truth, before, after, names_of(10))
    assert [each.name for each in model.classes if each.real] == ["class-3"]
    worst = model.classes[0]
    assert (worst.name, worst.lost, worst.mostly) == ("class-3", 40, "class-5")
    assert worst.drop == pytest.approx(40 / 300)
    assert (model.pairs[0].truth, model.pairs[0].answer) == ("class-3", "class-5")


@pytest.mark.parametrize(("classes", "count"), [(2, 30), (20, 500), (100, 1000), (1000, 3000)])
def test_any_number_of_classes_is_measured_and_drawn(classes: int, count: int) -> None:
    facts = facts_of(classes, count)[0]
    (model,) = facts.models
    assert (model.matrix is None) == (classes > 100)
    assert len(model.pairs) <= 20
    assert sum(each.samples for each in model.classes) == count
    drawings = draw(facts)
    assert ("matrix-0" in drawings) == (classes <= 20)
    assert "drops-0" in drawings
    assert sum(len(each.svg) for each in drawings.values()) < 400_000


def test_long_names_of_classes_are_cut_in_drawings_and_whole_in_words() -> None:
    facts = facts_of(5, 500)[0]
    names = tuple(f"{name}-{'x' * 120}" for name in facts.names)
    (model,) = facts.models
    longer = replace(
        facts,
        names=names,
        models=(
            replace(model, classes=tuple(replace(each, name=f"{each.name}{'x' * 120}") for each in model.classes)),
        ),
    )
    drawings = draw(longer)
    for key in ("matrix-float", "matrix-0", "drops-0"):
        assert "x" * 19 not in drawings[key].svg
        assert "class-0" in drawings[key].svg
        assert "x" * 120 in drawings[key].words


def test_models_without_a_difference_draw_no_drops() -> None:
    truth = np.arange(30, dtype=np.int32) % 2
    model = compare_classes("m", "float32", truth, truth.astype(np.intp), truth.astype(np.intp), ("no", "yes"))
    facts = Facts(samples=30, names=("no", "yes"), float_matrix=model.matrix, models=(model,))
    assert model.pairs == () and model.flips == 0
    assert set(draw(facts)) == {"matrix-float", "matrix-0"}
