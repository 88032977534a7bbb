"""The proof: each file of an artefact, in each runtime that may execute it, over the blind test."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.device.contract import Layout, ModelFile
from edge.runtimes import SIMULATORS
from edge.target import size_of_model
from pipeline.answers import Answers
from pipeline.budget import Judgement, judge
from pipeline.data.dataset import Samples
from pipeline.data.source import Report
from pipeline.evaluation import (
    Latency,
    Logits,
    agreement,
    evaluate_logits,
    measure_latency,
    open_quietly,
    run_in,
)
from pipeline.recipe import BudgetTest

_BLIND_TEST = "the blind test"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is to be proven, and against what. The first runtime of the first file is the reference.

    `must_equal` names the files whose every logit must equal the reference's; `budget` is the largest loss of top-1
    against `float_logits`, the float model's on `blind`, as `budget_test` judges it.
    `answers` is told all that was run, so that a report need not run it again.
    """

    target: str
    folder: Path
    files: tuple[ModelFile, ...]
    layout: Layout
    must_equal: frozenset[str]
    budget: float
    budget_test: BudgetTest
    blind: Samples
    float_logits: Logits
    answers: Answers


@dataclass(frozen=True, kw_only=True)
class Proof:
    """One file in one runtime over the blind test. `refused` says why it is not proven, or is empty.

    `top1_interval`: 95 %, Wilson. `drop`: float Keras's top-1 less this one, at most `drop_bound` with 95 % confidence;
    `doubt` says so where the samples are too few to tell whether it is within the budget, or is empty. `agreement`:
    share of labels equal to the reference's. `difference`: the largest difference of a logit to the reference's (None
    where an answer is no number). Latencies in milliseconds, one picture, one thread, on this host; None in a
    simulator, whose speed says nothing.
    """

    file: str
    runtime: str
    sha256: str
    bytes: int
    samples: int
    top1: float
    top1_interval: tuple[float, float]
    drop: float
    drop_bound: float
    doubt: str
    agreement: float
    difference: float | None
    latency_p50: float | None
    latency_p99: float | None
    refused: str


def prove(subject: Subject, report: Report) -> list[Proof]:
    """Prove every file in every runtime that it names.

    A runtime is refused where it loses more than the budget, or where its file has to equal the reference and any logit
    differs.
    """
    reference: Logits | None = None
    proofs = []
    for model in subject.files:
        for runtime in model.runtimes:
            words = f"{subject.target}: {model.file} in {runtime}"
            path = subject.folder / model.file
            logits = run_in(runtime, path, subject.blind, report, words, subject.layout)
            subject.answers.keep(runtime, path, subject.blind, logits)
            reference = logits if reference is None else reference
            proofs.append(_proof(subject, model, runtime, logits, reference))
    return proofs


def _proof(subject: Subject, model: ModelFile, runtime: str, logits: Logits, reference: Logits) -> Proof:
    path, labels = subject.folder / model.file, subject.blind.labels
    accuracy = evaluate_logits(logits, labels)
    loss = judge(logits, subject.float_logits, labels, subject.budget, subject.budget_test)
    difference = float(np.abs(logits - reference).max())
    latency = None if runtime in SIMULATORS else _latency(subject, path, runtime)
    return Proof(
        file=model.file,
        runtime=runtime,
        sha256=model.sha256,
        bytes=size_of_model(path),
        samples=accuracy.count,
        top1=accuracy.top1,
        top1_interval=accuracy.interval,
        drop=loss.drop,
        drop_bound=loss.highest,
        doubt=loss.words(_BLIND_TEST) if loss.doubtful else "",
        agreement=agreement(logits, reference),
        difference=difference if np.isfinite(difference) else None,
        latency_p50=latency.p50 if latency else None,
        latency_p99=latency.p99 if latency else None,
        refused=_refusal(loss, difference, exact=model.file in subject.must_equal),
    )


def _latency(subject: Subject, file: Path, runtime: str) -> Latency:
    pictures = subject.blind.pick(np.arange(min(64, len(subject.blind))))
    return measure_latency(open_quietly(runtime, file, subject.layout), pictures)


def _refusal(loss: Judgement, difference: float, *, exact: bool) -> str:
    if not np.isfinite(difference):
        return "its answers are no numbers"
    if exact and difference > 0:
        return f"its logits differ from the reference kernels' by up to {difference:g}; they must be equal"
    return "" if loss.holds else loss.words(_BLIND_TEST)
