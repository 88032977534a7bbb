"""The sections of the report, in the order of the page, and results.json, which has a field for each."""

from dataclasses import dataclass
from types import ModuleType

from pipeline.machine import Machine
from pipeline.report import (
    agreement,
    calibration,
    classes,
    confidence,
    integrity,
    latency,
    layers,
    placement,
    robustness,
    sensitivity,
    significance,
    training,
)
from pipeline.report.integrity.facts import Check
from pipeline.results import Proven

FORMAT = 1

# By the name of their field in Results.
SECTIONS: dict[str, ModuleType] = {
    "significance": significance,
    "agreement": agreement,
    "classes": classes,
    "layers": layers,
    "sensitivity": sensitivity,
    "robustness": robustness,
    "confidence": confidence,
    "calibration": calibration,
    "placement": placement,
    "latency": latency,
    "training": training,
    "integrity": integrity,
}


@dataclass(frozen=True, kw_only=True)
class NotMeasured:
    """A section that could not be measured in this run, and why."""

    not_measured: str


@dataclass(frozen=True, kw_only=True)
class Results:
    """results.json: what was proven, and the facts of each section. Its schema: docs/results.schema.json."""

    format: int
    edgewise: str  # the version that wrote it
    made: str  # ISO 8601, UTC
    machine: Machine
    proven: Proven
    significance: significance.Facts | NotMeasured
    agreement: agreement.Facts | NotMeasured
    classes: classes.Facts | NotMeasured
    layers: layers.Facts | NotMeasured
    sensitivity: sensitivity.Facts | NotMeasured
    robustness: robustness.Facts | NotMeasured
    confidence: confidence.Facts | NotMeasured
    calibration: calibration.Facts | NotMeasured
    placement: placement.Facts | NotMeasured
    latency: latency.Facts | NotMeasured
    training: training.Facts | NotMeasured
    integrity: integrity.Facts | NotMeasured


def failed_checks(results: Results) -> tuple[Check, ...]:
    """The checks of the run that did not pass."""
    return () if isinstance(results.integrity, NotMeasured) else results.integrity.failed


def not_measured(results: Results) -> dict[str, str]:
    """Why, by section, of those that could not be measured."""
    sections = {name: getattr(results, name) for name in SECTIONS}
    return {name: each.not_measured for name, each in sections.items() if isinstance(each, NotMeasured)}
