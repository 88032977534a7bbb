"""The ladder of a target: precisions, fastest first, tried on validation until one holds."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from edge.device.errors import BadModel, ConversionFailed, Diverged, ProofFailed
from edge.runtimes import open_runtime
from edge.target import Artifact, Precision
from edge.targets import TARGETS
from pipeline.data.dataset import Dataset, Split
from pipeline.data.source import Report
from pipeline.evaluation import ROUNDING, Logits, evaluate_logits, measure_latency, run_in
from pipeline.isolate import Child
from pipeline.recipe import Limits, Recipe, TargetName


@dataclass(frozen=True, kw_only=True)
class FloatLogits:
    """What the float Keras model answered, float32 [n, classes]."""

    validation: Logits
    blind_test: Logits


@dataclass(frozen=True, kw_only=True)
class Export:
    """What one target's export works on. `form_of` gives the TFLite file of a precision, making it where needed."""

    recipe: Recipe
    target: TargetName
    dataset: Dataset
    float_logits: FloatLogits
    form_of: Callable[[Precision], Path]
    child: Child
    report: Report


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One rung that was tried. `reason` says in words why it was taken or refused; `findings` what the target had to
    say about the model. Figures are None where the rung was refused before it ran. `drop`: loss of top-1 on validation
    against float. `bytes`: of the reference file."""

    precision: Precision
    accepted: bool
    reason: str
    findings: tuple[str, ...] = ()
    validation_top1: float | None = None
    drop: float | None = None
    bytes: int | None = None


def plan(rungs: tuple[Precision, ...], aware: bool | Literal["auto"]) -> tuple[Precision, ...]:
    """The rungs to walk: `aware` = true leaves out training-free int8, false leaves out aware training."""
    left_out = {True: "int8-ptq", False: "int8-qat", "auto": ""}[aware]
    return tuple(rung for rung in rungs if rung != left_out)


def climb(job: Export, folder: Path) -> tuple[Artifact, list[Tried]]:
    """Try the target's rungs in order; convert into `folder` with the first that holds, the last of those returned.

    Raises ProofFailed, one sentence for each rung, where none does.
    """
    tried: list[Tried] = []
    for precision in plan(TARGETS[job.target].RUNGS, job.recipe.quantize.aware):
        attempt = folder / f".{precision}"
        attempt.mkdir()
        try:
            artifact, rung = _try(job, precision, attempt)
        except (ConversionFailed, BadModel, Diverged) as error:
            tried.append(Tried(precision=precision, accepted=False, reason=str(error)))
        else:
            tried.append(rung)
            if rung.accepted:
                for file in attempt.iterdir():
                    file.rename(folder / file.name)
                attempt.rmdir()
                return replace(artifact, folder=folder), tried
        shutil.rmtree(attempt)
    rungs = "\n".join(f"{job.target}: {rung.precision}: {rung.reason}" for rung in tried)
    raise ProofFailed(
        f"{rungs}\n{job.target}: no rung holds; train longer, set quantize.aware = true, or raise quantize.budget"
    )


def _try(job: Export, precision: Precision, folder: Path) -> tuple[Artifact, Tried]:
    form = job.form_of(precision)
    target = TARGETS[job.target]
    verdict = target.check(form, None)
    if verdict.refusals:
        raise ConversionFailed("; ".join(verdict.refusals))
    job.report(f"{job.target}: converting to {precision}", 0, 1)
    artifact = job.child.call(target.convert, form, None, folder)
    validation = job.dataset.part(Split.VALIDATION)
    first = artifact.files[0]
    words = f"{job.target}: {precision} on validation"
    logits = run_in(first.runtimes[0], folder / first.file, validation, job.report, words, artifact.layout)
    top1 = evaluate_logits(logits, validation.labels).top1
    drop = evaluate_logits(job.float_logits.validation, validation.labels).top1 - top1
    size = (folder / first.file).stat().st_size
    refusal = _refusal(job, artifact, drop, size)
    budget = job.recipe.quantize.budget
    return artifact, Tried(
        precision=precision,
        accepted=not refusal,
        reason=refusal or f"holds: loses {100 * drop:.2f} of {100 * budget:.2f} points on validation",
        findings=tuple(f"{finding.severity}: {finding}" for finding in (*verdict.findings, *artifact.findings)),
        validation_top1=top1,
        drop=drop,
        bytes=size,
    )


def _refusal(job: Export, artifact: Artifact, drop: float, size: int) -> str:
    """Why a rung that ran is not taken, in words; empty where it is."""
    limits = job.recipe.export.limits.get(job.target, Limits())
    budget = job.recipe.quantize.budget
    if drop > budget + ROUNDING:
        return f"loses {100 * drop:.2f} points on validation, {100 * budget:.2f} are allowed"
    if limits.bytes is not None and size > limits.bytes:
        return f"takes {size:,} bytes, {limits.bytes:,} are allowed"
    if limits.latency_ms is not None:
        validation = job.dataset.part(Split.VALIDATION)
        pictures = validation.pick(np.arange(min(64, len(validation))))
        fastest = min(
            measure_latency(open_runtime(name, artifact.folder / model.file, layout=artifact.layout), pictures).p50
            for model in artifact.files
            for name in model.runtimes
        )
        if fastest > limits.latency_ms:
            return f"takes {fastest:.2f} ms for a picture on this host, {limits.latency_ms:g} are allowed"
    return ""
