"""The section on a finished run."""

from dataclasses import replace

import numpy as np
import pytest

from edge.device.files import read_json
from pipeline.report.calibration import Facts, draw, measure
from pipeline.report.calibration.facts import ClassCoverage, Trial
from pipeline.report.calibration.trials import joint_interval
from pipeline.report.calibration.verdict import verdict
from pipeline.report.drawing import page_style
from pipeline.report.inspection import Inspection
from pipeline.statistics import Pairs


@pytest.fixture(scope="module")
def facts(inspection: Inspection) -> Facts:
    return measure(inspection)


def test_the_set_is_the_one_that_quantize_noted_down(facts: Facts, inspection: Inspection) -> None:
    recorded = read_json(inspection.run / "quantize" / "calibration.json")
    assert facts.as_recorded
    assert facts.samples == len(recorded) == sum(each.calibration for each in facts.classes)


def test_other_seeds_and_smaller_sets_are_tried(facts: Facts) -> None:
    assert len({trial.seed for trial in facts.trials if trial.samples == facts.samples} | {facts.seed}) >= 4
    for trial in facts.trials:
        assert trial.difference == pytest.approx(trial.drop - facts.own_drop, abs=1e-9)
        assert trial.difference_interval[0] <= trial.difference <= trial.difference_interval[1]


def test_artefacts_that_learned_their_ranges_do_not_depend_on_the_set(facts: Facts, inspection: Inspection) -> None:
    learned = {artefact.target for artefact in inspection.artefacts if artefact.precision == "int8-qat"}
    assert not learned & set(facts.depends_on_it)
    assert ("No artefact of this run" in facts.verdict[0]) == (not facts.depends_on_it)


def test_the_verdict_names_missing_classes_and_sets_that_are_too_small(facts: Facts) -> None:
    classes = (
        ClassCoverage(label="cat", training=9, calibration=0),
        ClassCoverage(label="dog", training=9, calibration=3),
    )
    small = tuple(
        Trial(samples=25, seed=seed, drop=0.05, difference=0.04, difference_interval=(0.02, 0.06)) for seed in (1, 2)
    )
    words = " ".join(verdict(replace(facts, classes=classes, trials=small)))
    assert "1 of 2 classes are not in it (cat)" in words
    assert "25 pictures (2 seeds): 4.00 points more lost: too few." in words


def test_a_seed_that_matters_is_told_from_chance(facts: Facts) -> None:
    def words(interval: tuple[float, float]) -> str:
        trial = Trial(samples=facts.samples, seed=1, drop=0.03, difference=0.03, difference_interval=interval)
        return " ".join(verdict(replace(facts, trials=(trial,), own_drop=0.0)))

    assert "the seed matters more than chance explains" in words((0.01, 0.05))
    assert "no more than chance explains" in words((-0.01, 0.07))


def test_three_sets_that_differ_by_chance_alone_are_blamed_once_in_twenty_at_most() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(1000, (0.02, 0.02, 0.96), size=(500, 3))  # lost and gained alike

    def blamed(trials: int) -> float:
        intervals = (
            [joint_interval(Pairs(count=1000, lost=int(lost), gained=int(gained)), trials) for lost, gained, _ in three]
            for three in drawn
        )
        return float(np.mean([any(low > 0 or high < 0 for low, high in three) for three in intervals]))

    assert blamed(1) > 0.09  # each as if it were alone
    assert blamed(3) < 0.06


def test_no_seed_is_blamed_where_all_of_training_is_in_the_set(facts: Facts) -> None:
    classes = (ClassCoverage(label="cat", training=60, calibration=60),)
    clipping = (replace(facts.ranges[0], outside=0.1),)
    told = " ".join(verdict(replace(facts, samples=60, classes=classes, ranges=clipping, trials=())))
    assert "All 60 training pictures are in the set" in told
    assert "seeds" not in told
    assert "10.00 %." in told
    assert "more pictures" not in told


def test_drawings_tell_what_they_show(facts: Facts) -> None:
    with page_style():
        drawings = draw(facts)
    assert f"The recipe's {facts.samples} pictures" in drawings["trials"].words
    assert facts.ranges[0].layer in drawings["ranges"].svg
