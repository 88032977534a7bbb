"""The network converted anew with other calibration sets."""

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from pipeline.data.balance import balanced_positions
from pipeline.data.dataset import Samples, Split
from pipeline.evaluation import run_in
from pipeline.forms import input_quantization, make_form
from pipeline.report.calibration.facts import Trial
from pipeline.report.inspection import Inspection
from pipeline.statistics import SIGNIFICANT, Interval, Pairs, pair, score_interval

_SEEDS = 3  # beside the recipe's own
_SECONDS = 40.0  # of all trials; once they are over no further one is begun
_SMALLER = (25, 100)  # pictures
_FEWEST = _SEEDS  # trials, however long they take

Right = NDArray[np.bool_]


def planned(samples: int, training: int, seed: int) -> list[tuple[int, int]]:
    """The sets to try, (pictures, seed), the most telling first: `_SEEDS` of the recipe's size with other seeds than
    the recipe's, unless all of training is in the recipe's, then smaller ones, each with two seeds."""
    count = min(samples, training)
    seeds = [seed + at for at in range(1, _SEEDS + 1)]
    smaller = [size for size in reversed(_SMALLER) if size < count]
    as_large = [(count, each) for each in seeds] if count < training else []
    return as_large + [(size, each) for each in seeds[:2] for size in smaller]


def run_trials(
    inspection: Inspection, sets: Sequence[tuple[int, int]], validation: Samples, before: Right, own: Right
) -> tuple[Trial, ...]:
    """Convert int8-ptq with `sets` as far as time allows, at least the first `_FEWEST`, and judge each on `validation`.

    `before`: what float gets right there; `own`: what int8-ptq with the recipe's set does.
    Raises ConversionFailed.
    """
    start = time.monotonic()
    trials: list[Trial] = []
    alike = Counter(count for count, _ in sets)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.tflite"
        for number, (count, seed) in enumerate(sets):
            if len(trials) >= _FEWEST and time.monotonic() - start > _SECONDS:
                break
            inspection.report("converting with other calibration sets", number, len(sets))
            file.write_bytes(_converted(inspection, count, seed))
            right = right_answers(inspection, file, validation, f"int8-ptq, {count} pictures, seed {seed}")
            changed = pair(own, right)
            trials.append(
                Trial(
                    samples=count,
                    seed=seed,
                    drop=pair(before, right).drop,
                    difference=changed.drop,
                    difference_interval=joint_interval(changed, alike[count]),
                )
            )
    return tuple(trials)


def joint_interval(pairs: Pairs, trials: int) -> Interval:
    """The interval of one of `trials` drops such that all of them hold theirs together with 95 % certainty.

    C. E. Bonferroni, "Teoria statistica delle classi e calcolo delle probabilita", 1936.
    """
    return score_interval(pairs, 1 - SIGNIFICANT / trials)


def right_answers(inspection: Inspection, file: Path, samples: Samples, words: str) -> Right:
    """Which of `samples` the file answers as labelled, in LiteRT with XNNPACK: bool [n]."""
    logits = run_in("litert", file, samples, inspection.report, words)
    right: Right = logits.argmax(1) == samples.labels
    return right


def _converted(inspection: Inspection, count: int, seed: int) -> bytes:
    recipe, training = inspection.recipe, inspection.dataset.part(Split.TRAINING)
    pictures = training.pick(balanced_positions(training.labels, count, seed))
    model, pixels = inspection.run / "train" / "model.keras", input_quantization(recipe.model)
    # The recipe's own int8-ptq is there, so that whatever float layers this one has were allowed there.
    return inspection.child.call(make_form, model, "int8-ptq", *pixels, pictures, None, True)
