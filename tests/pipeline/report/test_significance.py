"""The section on significance: its figures counted anew from the answers, its verdicts on made-up models."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from edge.device.runtimes import open_runtime
from pipeline.evaluation import FloatLogits
from pipeline.machine import this_machine
from pipeline.recipe import Limits, Recipe
from pipeline.report.inspection import Inspection
from pipeline.report.page import render
from pipeline.report.sections import FORMAT, SECTIONS, NotMeasured, Results
from pipeline.report.significance import Facts, draw, measure


@pytest.fixture(scope="module")
def facts(inspection: Inspection) -> Facts:
    return measure(inspection)


def test_figures_equal_a_count_of_the_answers_in_the_runtime(inspection: Inspection, facts: Facts) -> None:
    (artefact,) = (each for each in inspection.artefacts if each.target == "cpu")
    subject = next(each for each in artefact.subjects if each.runtime == "onnxruntime")
    answers = open_runtime(subject.runtime, subject.file, layout=subject.layout).run(inspection.blind.all())
    truth = inspection.blind.labels
    right, before = answers.argmax(1) == truth, inspection.float_logits.blind_test.argmax(1) == truth
    (found,) = (each for each in facts.compared if each.subject == subject.name)
    assert (found.lost, found.gained) == (np.sum(before > right), np.sum(right > before))
    assert found.top1 == pytest.approx(np.mean(right))
    assert found.drop == pytest.approx(np.mean(before) - np.mean(right))
    discordant = found.lost + found.gained
    assert found.p == pytest.approx(binomtest(found.lost, discordant).pvalue if discordant else 1)
    assert found.allowed == inspection.recipe.budget("cpu")


@pytest.fixture
def one_file(inspection: Inspection) -> Inspection:
    """The run as if coral shipped the files of cpu, and nothing else were there."""
    (cpu,) = (each for each in inspection.artefacts if each.target == "cpu")
    subjects = tuple(replace(subject, target="coral") for subject in cpu.subjects)
    return replace(inspection, artefacts=(cpu, replace(cpu, target="coral", subjects=subjects)))


def test_every_distinct_subject_is_compared_once(inspection: Inspection, facts: Facts) -> None:
    assert [each.subject for each in facts.compared] == [subject.name for subject in inspection.subjects]
    assert facts.samples == len(inspection.blind)


def test_target_that_ships_anothers_file_stands_beside_it(one_file: Inspection) -> None:
    compared = measure(one_file).compared
    assert [each.subject for each in compared] == [subject.name for subject in one_file.artefacts[0].subjects]
    assert {each.also for each in compared} == {("coral",)}
    assert compared[0].name == "cpu/model.tflite in litert-reference (also coral)"


def test_target_that_ships_anothers_file_is_held_against_its_own_budget(one_file: Inspection) -> None:
    loose = _with_budget(one_file, 0.5)
    strict_for_coral = replace(loose, export=replace(loose.export, limits={"coral": Limits(budget=0.0)}))
    compared = measure(replace(one_file, recipe=strict_for_coral)).compared
    half = len(compared) // 2
    for cpu, coral in zip(compared[:half], compared[half:], strict=True):
        assert (cpu.lost, cpu.gained, cpu.drop_bound) == (coral.lost, coral.gained, coral.drop_bound)
        assert (cpu.subject.replace("cpu/", "coral/"), cpu.also, coral.also) == (coral.subject, (), ())
        assert (cpu.allowed, cpu.budget, coral.allowed) == (0.5, "holds", 0.0)
        assert coral.budget != "holds"


def _against(inspection: Inspection, wrong_in_artefact: int, wrong_in_float: int) -> Facts:
    """The run held against a float model that is made up: right but for the last pictures that the artefacts get right
    and right on the first that they get wrong."""
    artefact = inspection.logits(inspection.subjects[0]).argmax(1)
    count, classes = len(artefact), len(inspection.dataset.classes)
    labels = artefact.copy()
    labels[:wrong_in_artefact] = (labels[:wrong_in_artefact] + 1) % classes
    float_answers = labels.copy()
    last = count - wrong_in_float
    float_answers[last:] = (float_answers[last:] + 1) % classes
    made_up = FloatLogits(
        validation=inspection.float_logits.validation, blind_test=np.eye(classes, dtype=np.float32)[float_answers]
    )
    truth = inspection.dataset.labels.copy()
    truth[inspection.blind.index] = labels
    return measure(replace(inspection, float_logits=made_up, dataset=replace(inspection.dataset, labels=truth)))


@pytest.mark.parametrize(
    ("wrong_in_artefact", "wrong_in_float", "difference", "budget"),
    [
        (30, 0, "loss", "broken"),
        (0, 30, "gain", "holds"),
        (5, 5, "none", "unclear"),
        (0, 0, "none", "unclear"),  # 179 pictures do not rule out a loss of a point
    ],
)
def test_verdicts_tell_a_real_difference_from_chance(
    inspection: Inspection, wrong_in_artefact: int, wrong_in_float: int, difference: str, budget: str
) -> None:
    strict = replace(inspection, recipe=_with_budget(inspection, 0.01))
    first = _against(strict, wrong_in_artefact, wrong_in_float).compared[0]
    assert (first.lost, first.gained) == (wrong_in_artefact, wrong_in_float)
    assert (first.difference, first.budget) == (difference, budget)
    assert (first.needed is not None) == (budget == "unclear")


def _page(inspection: Inspection, facts: Facts) -> str:
    """The page with this section alone, on one line."""
    others = dict.fromkeys(SECTIONS, NotMeasured(not_measured="left out"))
    results = Results(
        format=FORMAT,
        edgewise="0",
        made="",
        machine=this_machine(),
        proven=inspection.proven,
        **{**others, "significance": facts},
    )
    return " ".join(render(results).split())


def test_page_names_a_number_of_pictures_only_for_what_it_would_tell(inspection: Inspection) -> None:
    recipe = _with_budget(inspection, 0.01)
    within = _against(replace(inspection, recipe=recipe), 1, 0)
    above = _against(replace(inspection, recipe=recipe), 2, 0)
    assert (within.compared[0].budget, above.compared[0].budget, above.compared[0].needed) == (
        "unclear",
        "unclear",
        None,
    )
    mixed = replace(within, compared=(within.compared[0], replace(above.compared[0], subject="worse")))
    words = _page(inspection, mixed)
    assert f"Roughly {within.compared[0].needed:,} pictures would tell for {within.compared[0].name}, if" in words
    assert "not below the budget, no number can be named" in words
    alone = _page(inspection, replace(above, compared=mixed.compared[1:]))
    assert "pictures would tell" not in alone
    assert "not below the budget, no number can be named" in alone


def _with_budget(inspection: Inspection, budget: float) -> Recipe:
    return replace(inspection.recipe, quantize=replace(inspection.recipe.quantize, budget=budget))


def test_line_ends_where_the_budget_is_judged(inspection: Inspection) -> None:
    # None of 179 lost: the score bound is z² / (n + z²), 1.49 % one-sided (z = 1.645) and 2.10 % two-sided (1.960).
    facts = _against(replace(inspection, recipe=_with_budget(inspection, 0.017)), 0, 0)
    assert facts.compared[0].budget == "holds"
    assert f"{facts.compared[0].subject}: +0.00 (-1.49 to +1.49)" in draw(facts)["forest"].words


def test_drawing_tells_every_drop_in_words(facts: Facts) -> None:
    words = draw(facts)["forest"].words
    for each in facts.compared:
        assert f"{each.subject}: {100 * each.drop:+.2f}" in words
