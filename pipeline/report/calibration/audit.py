"""The audit of the calibration set: classes, ranges, and other sets in its place."""

import timeit
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.data.dataset import Split
from pipeline.evaluation import open_quietly
from pipeline.form_store import FormStore
from pipeline.quantize import calibration_positions
from pipeline.report.calibration.coverage import as_recorded, class_coverage
from pipeline.report.calibration.facts import Facts
from pipeline.report.calibration.ranges import activation_ranges
from pipeline.report.calibration.trials import planned, right_answers, run_trials
from pipeline.report.calibration.verdict import verdict
from pipeline.report.inspection import Inspection
from pipeline.statistics import pair
from pipeline.subset import pick, spread

# Precisions whose activations have ranges that come from the calibration set.
_CALIBRATED = ("int8-ptq", "int8-selective", "int16x8")
_MOST_AUDITED = 2000
_FEWEST_AUDITED = 100
_SECONDS = 2.0  # of one trial on validation, on one core
_MOST_RANGED = 64


def measure(inspection: Inspection) -> Facts:
    """Audit the calibration set of the run; converts int8-ptq with up to ten other sets.

    Raises ConversionFailed where the network cannot be converted after training, BadArtifact where a file of the run is
    missing or damaged.
    """
    recipe, dataset = inspection.recipe, inspection.dataset
    training = dataset.part(Split.TRAINING)
    positions = calibration_positions(recipe, training)
    store = FormStore(recipe, inspection.run, inspection.child, inspection.report)
    quantized, floating = (store.file(precision, recipe.quantize.budget) for precision in ("int8-ptq", "float32"))
    audited = spread(len(inspection.validation), _affordable(inspection, quantized))
    validation = pick(inspection.validation, audited)
    before = inspection.float_logits.validation[audited].argmax(1) == validation.labels
    own = right_answers(inspection, quantized, validation, "int8-ptq on validation")
    sets = planned(len(positions), len(training), recipe.data.seed)
    trials = run_trials(inspection, sets, validation, before, own)
    inspection.report("looking at the ranges of activations", 0, 1)
    pictures = validation.pick(spread(len(validation), min(_MOST_RANGED, len(audited))))
    facts = Facts(
        samples=len(positions),
        seed=recipe.data.seed,
        classes=class_coverage(dataset.classes, training.labels, positions),
        as_recorded=as_recorded(inspection.run / "quantize" / "calibration.json", training, positions),
        depends_on_it=tuple(each.target for each in inspection.artefacts if each.precision in _CALIBRATED),
        ranges=activation_ranges(quantized, floating, pictures),
        ranged=len(pictures),
        audited=len(audited),
        own_drop=pair(before, own).drop,
        trials=trials,
        left_out=len(sets) - len(trials),
        verdict=(),
    )
    return replace(facts, verdict=verdict(facts))


def _affordable(inspection: Inspection, file: Path) -> int:
    """How many pictures of validation each trial is judged on, so that a large network takes seconds, too."""
    runtime, picture = open_quietly("litert", file, "NHWC"), inspection.validation.pick(np.arange(1))
    seconds = min(timeit.repeat(lambda: runtime.run(picture), number=1, repeat=5))
    return int(np.clip(_SECONDS / seconds, _FEWEST_AUDITED, _MOST_AUDITED))
