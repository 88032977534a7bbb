"""The ladder of a target: precisions, fastest first, tried on validation until one holds the budget and the limits."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from edge.boards import Board
from edge.device.errors import BadModel, ConversionFailed, Diverged, ProofFailed
from edge.device.files import sha256_of
from edge.runtimes import SIMULATORS, open_runtime
from edge.target import Artifact, Precision, size_of_model
from edge.targets import TARGETS
from pipeline.answers import Answers
from pipeline.budget import Judgement, judge
from pipeline.data.dataset import Dataset, Split
from pipeline.data.source import Report
from pipeline.evaluation import FloatLogits, Logits, evaluate_logits, measure_latency, run_in
from pipeline.form_store import FormStore, reference_runtime
from pipeline.isolate import Child
from pipeline.recipe import Recipe, TargetName

Cause = Literal["", "accuracy", "samples", "limit", "conversion"]
_ADVICE: dict[Cause, str] = {
    "accuracy": "for accuracy: train longer, set quantize.aware = true, or raise quantize.budget",
    "samples": 'for too few samples: more validation pictures, or quantize.budget_test = "point"',
    "limit": "for the limits: a smaller model.width, another board, or wider export.limits",
    "conversion": "for what was refused: the way round that is named, or another target",
}


@dataclass(frozen=True, kw_only=True)
class Export:
    """What one target's export works on."""

    recipe: Recipe
    target: TargetName
    board: Board | None
    dataset: Dataset
    float_logits: FloatLogits
    forms: FormStore
    answers: Answers
    child: Child
    report: Report


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One rung that was tried. `reason` says in words why it was taken or refused; `findings` what the target had to
    say about the model; `figures` what its tools measured. Figures are None where the rung was refused before they were
    known. `drop`: loss of top-1 on validation against float. `bytes`: of the reference file and its weights."""

    precision: Precision
    accepted: bool
    reason: str
    cause: Cause = ""
    findings: tuple[str, ...] = ()
    validation_top1: float | None = None
    drop: float | None = None
    bytes: int | None = None
    figures: dict[str, float] | None = None


class NoRungHolds(ProofFailed):
    """A target's whole ladder was refused; `tried` holds every rung with its numbers."""

    def __init__(self, target: TargetName, tried: list[Tried]) -> None:
        rungs = "\n".join(f"{target}: {rung.precision}: {rung.reason}" for rung in tried)
        advice = "; ".join(words for cause, words in _ADVICE.items() if any(rung.cause == cause for rung in tried))
        super().__init__(f"{rungs}\n{target}: no rung holds; {advice}")
        self.tried = tried


def plan(rungs: tuple[Precision, ...], aware: bool | Literal["auto"]) -> tuple[Precision, ...]:
    """The rungs to walk: `aware` = true leaves out training-free int8, false leaves out aware training."""
    left_out = {True: "int8-ptq", False: "int8-qat", "auto": ""}[aware]
    return tuple(rung for rung in rungs if rung != left_out)


def climb(job: Export, folder: Path) -> tuple[Artifact, list[Tried]]:
    """Try the target's rungs in order; convert into `folder` with the first that holds, the last of those returned.

    Raises NoRungHolds, one sentence for each rung, where none does.
    """
    tried: list[Tried] = []
    for precision in plan(TARGETS[job.target].RUNGS, job.recipe.quantize.aware):
        attempt = folder / f".{precision}"
        attempt.mkdir()
        try:
            artifact, rung = _try(job, precision, attempt)
        except (ConversionFailed, BadModel, Diverged) as error:
            artifact, rung = None, Tried(precision=precision, accepted=False, reason=str(error), cause="conversion")
        tried.append(rung)
        if artifact is not None and rung.accepted:
            for file in attempt.iterdir():
                file.rename(folder / file.name)
            attempt.rmdir()
            return replace(artifact, folder=folder), tried
        shutil.rmtree(attempt)
    raise NoRungHolds(job.target, tried)


def _try(job: Export, precision: Precision, folder: Path) -> tuple[Artifact | None, Tried]:
    """Judge the form first, which costs least; then what the target makes of it. No artefact where the form fails."""
    budget, target = job.recipe.budget(job.target), TARGETS[job.target]
    form = job.forms.file(precision, budget)
    verdict = job.child.call(target.check, form, job.board)  # some ask converters, which load TensorFlow or crash
    if verdict.refusals:
        raise ConversionFailed("; ".join(verdict.refusals))
    top1, loss = _accuracy(job, job.forms.validation_logits(precision, budget))
    rung = Tried(precision=precision, accepted=False, reason="", validation_top1=top1, drop=loss.drop)
    if not loss.holds:
        return None, _over_budget(rung, loss)
    job.report(f"{job.target}: converting to {precision}", 0, 1)
    artifact = job.child.call(target.convert, form, job.board, folder)
    top1, loss = _accuracy(job, validation_logits(job, precision, artifact))
    told = {finding.operator for finding in artifact.findings}  # after the fact: it knows better than the check
    findings = (*(each for each in verdict.findings if each.operator not in told), *artifact.findings)
    rung = replace(
        rung,
        findings=tuple(f"{finding.severity}: {finding}" for finding in findings),
        validation_top1=top1,
        drop=loss.drop,
        bytes=size_of_model(folder / artifact.files[0].file),
        figures=dict(artifact.figures),
    )
    if not loss.holds:
        return artifact, _over_budget(rung, loss)
    if refusal := _over_limits(job, artifact):
        return artifact, replace(rung, reason=refusal, cause="limit")
    return artifact, replace(rung, accepted=True, reason=f"holds: {loss.words('validation')}")


def validation_logits(job: Export, precision: Precision, artifact: Artifact) -> Logits:
    """What the reference of `artifact` answers on validation, float32 [n, classes]: known where it is the form itself.

    Raises what `FormStore.file` raises.
    """
    budget, first = job.recipe.budget(job.target), artifact.files[0]
    same_file = first.sha256 == sha256_of(job.forms.file(precision, budget))
    if same_file and first.runtimes[0] == reference_runtime(precision):
        return job.forms.validation_logits(precision, budget)
    validation, words = job.dataset.part(Split.VALIDATION), f"{job.target}: {precision} on validation"
    return run_in(first.runtimes[0], artifact.folder / first.file, validation, job.report, words, artifact.layout)


def _accuracy(job: Export, logits: Logits) -> tuple[float, Judgement]:
    """Top-1 on validation, and its loss against float."""
    labels, recipe = job.dataset.part(Split.VALIDATION).labels, job.recipe
    budget, test = recipe.budget(job.target), recipe.quantize.budget_test
    return evaluate_logits(logits, labels).top1, judge(logits, job.float_logits.validation, labels, budget, test)


def _over_budget(rung: Tried, loss: Judgement) -> Tried:
    return replace(rung, reason=loss.words("validation"), cause="samples" if loss.fits else "accuracy")


def _over_limits(job: Export, artifact: Artifact) -> str:
    """Which of the recipe's limits the artefact breaks, in words; empty where it keeps them."""
    limits = job.recipe.limits(job.target)
    figures = {**artifact.figures, "bytes": size_of_model(artifact.folder / artifact.files[0].file)}
    for name in ("bytes", "arena_bytes", "flash_bytes", "cells"):
        bound, found = getattr(limits, name), figures.get(name)
        if bound is not None and found is None:
            return f"has no figure {name}, which export.limits.{job.target} bounds"
        if bound is not None and found > bound:
            return f"takes {found:,.0f} {name.replace('_', ' ')}, {bound:,} are allowed"
    clock = figures.get("clock_mhz")
    if limits.clock_mhz is not None and (clock is None or clock < limits.clock_mhz):
        return f"reaches {'no clock' if clock is None else f'{clock:.1f} MHz'}, {limits.clock_mhz:g} MHz are needed"
    if limits.latency_ms is not None:
        fastest = _fastest(job, artifact)
        if fastest is None or fastest > limits.latency_ms:
            took = "cannot be timed on this host" if fastest is None else f"takes {fastest:.2f} ms for a picture here"
            return f"{took}, {limits.latency_ms:g} are allowed"
    return ""


def _fastest(job: Export, artifact: Artifact) -> float | None:
    """Milliseconds for one picture in the fastest of the artefact's runtimes; None where only simulators run it."""
    validation = job.dataset.part(Split.VALIDATION)
    pictures = validation.pick(np.arange(min(64, len(validation))))
    times = [
        measure_latency(open_runtime(name, artifact.folder / model.file, layout=artifact.layout), pictures).p50
        for model in artifact.files
        for name in model.runtimes
        if name not in SIMULATORS
    ]
    return min(times, default=None)
