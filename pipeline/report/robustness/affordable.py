"""How many pictures are corrupted, and which artefacts are asked about them, so that any network takes minutes."""

import os
import timeit
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.data.source import silent
from pipeline.evaluation import open_quietly
from pipeline.report.inspection import Artefact, Inspection
from pipeline.report.robustness.answers import KINDS, ask_float

MOST = 4  # artefacts that are asked: each is asked 35 times as many pictures
_PICTURES = (30, 1000)
_PIXELS = 10_000_000  # of all pictures: corrupting these takes about a minute
_SECONDS = 120.0  # for all answers
_TIMED = 32  # pictures at once that float Keras is timed with


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`pictures` to corrupt, and the artefacts to be `asked` about them. Not asked are those that only a simulator runs
    here (`simulated`), those that are `too_slow` for the fewest pictures that tell anything, and those beyond MOST
    (`left_out`)."""

    pictures: int
    asked: tuple[Artefact, ...]
    simulated: tuple[Artefact, ...]
    too_slow: tuple[Artefact, ...]
    left_out: tuple[Artefact, ...]


def plan(inspection: Inspection) -> Plan:
    """Time float Keras and the artefacts, and take what `_SECONDS` are enough for."""
    simulated = tuple(each for each in inspection.models if each.quickest.simulated)
    timed = [(each, _seconds(inspection, each)) for each in inspection.models if each not in simulated]
    return choose(timed, simulated, _float_seconds(inspection), int(np.prod(inspection.blind.images.shape[1:3])))


def choose(
    timed: Sequence[tuple[Artefact, float]], simulated: tuple[Artefact, ...], float_seconds: float, pixels: int
) -> Plan:
    """`timed`: artefacts and the seconds that each takes for a picture; `float_seconds`: those of float Keras, which is
    asked however long it takes; `pixels` of a picture."""
    fewest, most = _PICTURES
    allowed = _SECONDS / len(KINDS)  # for one corruption at one severity
    asked: list[Artefact] = []
    too_slow: list[Artefact] = []
    left_out: list[Artefact] = []
    total = float_seconds
    for artefact, seconds in timed:
        if fewest * (total + seconds) > allowed:
            too_slow.append(artefact)
        elif len(asked) == MOST:
            left_out.append(artefact)
        else:
            asked.append(artefact)
            total += seconds
    return Plan(
        pictures=int(np.clip(min(allowed / total, _PIXELS / pixels), fewest, most)),
        asked=tuple(asked),
        simulated=simulated,
        too_slow=tuple(too_slow),
        left_out=tuple(left_out),
    )


def _seconds(inspection: Inspection, artefact: Artefact) -> float:
    """Of the wall clock for a picture, where every core has an interpreter."""
    subject, picture = artefact.quickest, inspection.blind.pick(np.arange(1))
    runtime = open_quietly(subject.runtime, subject.file, subject.layout)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    return min(timeit.repeat(lambda: runtime.run(picture), number=1, repeat=3)) / cores


def _float_seconds(inspection: Inspection) -> float:
    model, pictures = (
        inspection.run / "train" / "model.keras",
        inspection.blind.pick(np.arange(min(_TIMED, len(inspection.blind)))),
    )
    times = timeit.repeat(lambda: ask_float(model, pictures, inspection.child, silent), number=1, repeat=3)
    return min(times) / len(pictures)
