"""Every form on the same pictures, timed in turns; then the front, and what the selective path gives each target."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import ConversionFailed
from edge.target import size_of_model
from pipeline.evaluation import open_quietly, run_in
from pipeline.report.inspection import Inspection
from pipeline.report.sensitivity.candidates import Candidate, gather
from pipeline.report.sensitivity.export import rungs, shipped, shipped_as
from pipeline.report.sensitivity.facts import Facts, Form
from pipeline.report.sensitivity.front import Costs, beaten_by
from pipeline.report.sensitivity.selection import choices
from pipeline.report.sensitivity.timing import median_latencies
from pipeline.report.sensitivity.verdict import verdict
from pipeline.statistics import Pairs, pair, score_interval
from pipeline.subset import pick, spread

_RUNTIME = "litert"
_MOST_SAMPLES = 2000
_SLOW = ("int16x8",)  # no runtime has quick kernels for it
_MOST_SLOW_SAMPLES = 500
_SECONDS = 3.0  # of one form on validation, about
_FEWEST_SAMPLES = 100
_ROUNDING = 12**-0.5  # standard deviation of what rounding to whole steps leaves over


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """`right`, bool [n]: whether the form answers the validation samples at `positions` as labelled; `before`: whether
    float does."""

    positions: NDArray[np.int64]
    right: NDArray[np.bool_]
    before: NDArray[np.bool_]

    @property
    def pairs(self) -> Pairs:
        return pair(self.before, self.right)


def measure(inspection: Inspection) -> Facts:
    """Convert, judge on validation and time every form of the run's training.

    Raises ConversionFailed where not one can be made, BadArtifact where the run's data are not of its recipe.
    """
    candidates = gather(inspection)
    if not candidates.forms:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in candidates.missing.items())
        raise ConversionFailed(f"no form of the network could be made: {reasons}")
    inspection.report("timing the forms in turns", 0, 1)
    latencies = _latencies(inspection, candidates.forms)
    judged = _judge_all(inspection, candidates.forms, latencies)
    costs = _costs(candidates.forms, judged, latencies)
    forms = _forms(inspection, candidates.forms, judged, costs)
    most = max((each for each in judged.values()), key=lambda each: len(each.positions))
    return Facts(
        budget=inspection.recipe.quantize.budget,
        float_top1=float(most.before.mean()),
        samples=len(most.positions),
        rounding=_ROUNDING,
        layers=candidates.layers,
        forms=forms,
        missing=candidates.missing,
        choices=choices(inspection.recipe, forms, {name: each.pairs for name, each in judged.items()}),
        rungs=rungs(inspection.proven),
        shipped=shipped(inspection.proven),
        verdict=verdict(forms, costs),
    )


def _latencies(inspection: Inspection, forms: tuple[Candidate, ...]) -> dict[str, float]:
    validation = inspection.validation
    pictures = validation.pick(np.arange(min(64, len(validation))))
    return median_latencies({form.name: open_quietly(_RUNTIME, form.file, "NHWC") for form in forms}, pictures)


def _judge_all(
    inspection: Inspection, forms: tuple[Candidate, ...], latencies: Mapping[str, float]
) -> dict[str, _Judged]:
    """All quick forms on the same samples of validation, slow ones on some of these."""
    validation, reference = inspection.validation, inspection.float_logits.validation
    counts = {form.name: _affordable(form, latencies[form.name]) for form in forms}
    quick = [counts[form.name] for form in forms if form.precision not in _SLOW]
    positions = spread(len(validation), min(quick, default=_MOST_SLOW_SAMPLES))
    judged = {}
    for form in forms:
        own = positions[spread(len(positions), counts[form.name])]
        samples = pick(validation, own)
        logits = run_in(_RUNTIME, form.file, samples, inspection.report, f"{form.name} on validation")
        right, before = (answer.argmax(1) == samples.labels for answer in (logits, reference[own]))
        judged[form.name] = _Judged(positions=own, right=right, before=before)
    return judged


def _affordable(form: Candidate, latency_ms: float) -> int:
    """How many pictures of validation the form is judged on, so that a large network takes seconds, too."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    most = _MOST_SLOW_SAMPLES if form.precision in _SLOW else _MOST_SAMPLES
    return int(np.clip(1e3 * _SECONDS * cores / latency_ms, _FEWEST_SAMPLES, most))


def _costs(
    candidates: tuple[Candidate, ...], judged: Mapping[str, _Judged], latencies: Mapping[str, float]
) -> dict[str, Costs]:
    """By name of the form, in the order of `candidates`."""
    return {
        form.name: Costs(
            right=judged[form.name].right,
            positions=judged[form.name].positions,
            bytes=size_of_model(form.file),
            latency_ms=latencies[form.name],
        )
        for form in candidates
    }


def _forms(
    inspection: Inspection,
    candidates: tuple[Candidate, ...],
    judged: Mapping[str, _Judged],
    costs: Mapping[str, Costs],
) -> tuple[Form, ...]:
    beaten = beaten_by([costs[form.name] for form in candidates])
    return tuple(
        Form(
            name=form.name,
            precision=form.precision,
            layers_float=form.layers_float,
            samples=len(judged[form.name].positions),
            top1=float(judged[form.name].right.mean()),
            drop=judged[form.name].pairs.drop,
            drop_interval=score_interval(judged[form.name].pairs),
            bytes=costs[form.name].bytes,
            latency_ms=costs[form.name].latency_ms,
            shipped_as=shipped_as(inspection.artefacts, form),
            front=not better,
            beaten_by=tuple(candidates[at].name for at in better),
        )
        for form, better in zip(candidates, beaten, strict=True)
    )
