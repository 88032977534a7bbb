"""The proof of an artefact over the blind test, judged by either test of the budget."""

from pathlib import Path

import numpy as np
import pytest

from edge.device.contract import read_contract
from pipeline.answers import Answers
from pipeline.data.dataset import Split, load_dataset
from pipeline.data.source import silent
from pipeline.evaluation import Logits
from pipeline.proof import Subject, prove
from pipeline.recipe import BudgetTest
from pipeline.statistics import Pairs, upper_bound


def subject_of(run: Path, float_logits: Logits, budget: float, test: BudgetTest, answers: Path) -> Subject:
    folder = run / "export" / "coral"
    contract = read_contract(folder)
    return Subject(
        target="coral",
        folder=folder,
        files=contract.files[:1],
        layout=contract.input.layout,
        must_equal=frozenset(),
        budget=budget,
        budget_test=test,
        blind=load_dataset(run / "data").part(Split.BLIND_TEST),
        float_logits=float_logits,
        answers=Answers(answers),
    )


@pytest.fixture
def truth(finished_run: Path) -> Logits:
    """A float model that is always right."""
    labels = load_dataset(finished_run / "data").part(Split.BLIND_TEST).labels
    return np.eye(10, dtype=np.float32)[labels]


@pytest.mark.parametrize("test", ["point", "bound"])
def test_proof_refuses_where_the_loss_or_its_bound_is_over_the_budget(
    finished_run: Path, truth: Logits, test: BudgetTest, tmp_path: Path
) -> None:
    for proof in prove(subject_of(finished_run, truth, 0.0, test, tmp_path), silent):
        lost = round(proof.drop * proof.samples)
        assert proof.drop == pytest.approx(1 - proof.top1)
        assert proof.drop_bound == pytest.approx(upper_bound(Pairs(count=proof.samples, lost=lost, gained=0)))
        # No number of pictures rules out a loss greater than nothing.
        assert bool(proof.refused) == (test == "bound" or lost > 0)


def test_proof_says_where_the_pictures_are_too_few_to_tell(finished_run: Path, truth: Logits, tmp_path: Path) -> None:
    (proof, *_) = prove(subject_of(finished_run, truth, 0.0, "point", tmp_path), silent)
    budget = (proof.drop + proof.drop_bound) / 2
    cases: tuple[tuple[BudgetTest, bool], ...] = (("point", False), ("bound", True))
    for test, refused in cases:
        (proof, *_) = prove(subject_of(finished_run, truth, budget, test, tmp_path), silent)
        assert proof.doubt.endswith("too few samples to tell")
        assert bool(proof.refused) == refused
    (proof, *_) = prove(subject_of(finished_run, truth, 0.5, "bound", tmp_path), silent)
    assert (proof.doubt, proof.refused) == ("", "")
