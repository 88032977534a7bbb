"""The proof: each file of an artefact, in each runtime that may execute it, over the blind test."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.device.contract import Layout, ModelFile
from pipeline.data.dataset import Samples
from pipeline.data.source import Report
from pipeline.evaluation import ROUNDING, Logits, agreement, evaluate_logits, measure_latency, open_quietly, run_in


@dataclass(frozen=True, kw_only=True)
class Proof:
    """One file in one runtime over the blind test. `refused` says why it is not proven, or is empty.

    `top1_interval`: 95 %, Wilson. `drop`: float Keras's top-1 less this one. `agreement`: share of labels equal to the
    reference's. `difference`: the largest difference of a logit to the reference's
    (None where an answer is no number). Latencies in milliseconds, one
    picture, one thread, on this host.
    """

    file: str
    runtime: str
    sha256: str
    bytes: int
    samples: int
    top1: float
    top1_interval: tuple[float, float]
    drop: float
    agreement: float
    difference: float | None
    latency_p50: float
    latency_p99: float
    refused: str


def prove(
    folder: Path,
    files: tuple[ModelFile, ...],
    layout: Layout,
    blind: Samples,
    float_logits: Logits,
    budget: float,
    must_equal: frozenset[str],
    report: Report,
    words: str,
) -> list[Proof]:
    """Prove every file in every runtime that it names; the first runtime of the first file is the reference.

    A runtime is refused where it loses more than `budget` of top-1 against `float_logits`, or where its file is one of
    `must_equal` and any logit differs from the reference's.
    """
    float_top1 = evaluate_logits(float_logits, blind.labels).top1
    reference: Logits | None = None
    proofs = []
    for model in files:
        path = folder / model.file
        for runtime in model.runtimes:
            logits = run_in(runtime, path, blind, report, f"{words}: {model.file} in {runtime}", layout)
            reference = logits if reference is None else reference
            accuracy = evaluate_logits(logits, blind.labels)
            latency = measure_latency(open_quietly(runtime, path, layout), blind.pick(np.arange(min(64, len(blind)))))
            difference = float(np.abs(logits - reference).max())
            drop = float_top1 - accuracy.top1
            proofs.append(
                Proof(
                    file=model.file,
                    runtime=runtime,
                    sha256=model.sha256,
                    bytes=path.stat().st_size,
                    samples=accuracy.count,
                    top1=accuracy.top1,
                    top1_interval=accuracy.interval,
                    drop=drop,
                    agreement=agreement(logits, reference),
                    difference=difference if np.isfinite(difference) else None,
                    latency_p50=latency.p50,
                    latency_p99=latency.p99,
                    refused=_refusal(drop, budget, difference, exact=model.file in must_equal),
                )
            )
    return proofs


def _refusal(drop: float, budget: float, difference: float, *, exact: bool) -> str:
    if not np.isfinite(difference):
        return "its answers are no numbers"
    if exact and difference > 0:
        return f"its logits differ from the reference kernels' by up to {difference:g}; they must be equal"
    if drop > budget + ROUNDING:
        return f"loses {100 * drop:.2f} points on the blind test, {100 * budget:.2f} are allowed"
    return ""
