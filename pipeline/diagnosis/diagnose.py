"""A whole diagnosis of one model: its layers against float, its runtimes and files against each other, and advice."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import Layout
from edge.device.errors import BadArtifact, BadModel, Unavailable
from pipeline.data.source import Report
from pipeline.diagnosis.against_float import FloatComparison
from pipeline.diagnosis.culprits import Evidence
from pipeline.diagnosis.diagnosis import Diagnosis, divergence_facts, layer_facts
from pipeline.diagnosis.divergence import RuntimeComparison
from pipeline.diagnosis.rules import advise
from pipeline.diagnosis.scales import contradictions
from pipeline.diagnosis.traces import Trace
from pipeline.diagnosis.tracing import open_trace
from pipeline.evaluation import open_quietly
from pipeline.isolate import Child

_WITNESSES = 32  # pictures that show whether exposing its layers changes what a file answers
_ROUNDING = 1e-5  # of the largest logit: sums of floats in another order


@dataclass(frozen=True, kw_only=True)
class Place:
    """One file in one runtime, and what it is called, e.g. "cpu/model.tflite in litert"."""

    name: str
    file: Path
    runtime: str
    layout: Layout


def diagnose(
    reference: Place,
    others: tuple[Place, ...],
    precision: str,
    float_file: Path,
    pictures: NDArray[np.uint8],
    input_scale: float,
    input_zero_point: int,
    child: Child,
    report: Report,
) -> Diagnosis:
    """Run `pictures`, uint8 [n, h, w, c], n >= 1, through `reference`, the float TFLite file of the same network, and
    `others`, which should answer as the reference does; the network computes with `input_scale * (byte -
    input_zero_point)`. What may crash runs in `child`.

    Raises BadArtifact where the reference's layers cannot be looked at, BadModel where a file is not whole,
    Unavailable where the reference's runtime is missing, ConversionFailed where TFLite Micro crashes after all.
    """
    trace = _opened(reference, pictures[0], child)
    against = FloatComparison(trace, float_file, pictures.shape[1:], input_scale, input_zero_point)
    comparisons, not_compared = _comparisons(trace, others, pictures[0], child)
    logits = []
    for done, picture in enumerate(pictures, 1):
        found = trace.run(picture)
        logits.append(found.logits)
        against.add(picture, found)
        for comparison in comparisons.values():
            comparison.add(picture, found)
        report(f"{reference.name}: layer by layer", done, len(pictures))
    judged = against.result()
    evidence = Evidence(
        precision=precision,
        layers=trace.layers,
        judged=judged.judged,
        contradictions=contradictions(reference.file, trace.layers),
        divergences={place.name: each.result() for place, each in comparisons.items()},
    )
    advice = advise(evidence)
    blamed = frozenset(number for each in advice if each.kind == "bad" for number in each.layers)
    return Diagnosis(
        name=reference.name,
        precision=precision,
        samples=len(pictures),
        faithful=_is_faithful(reference, np.stack(logits), pictures),
        layers=tuple(layer_facts(each, blamed) for each in judged.judged),
        alone=tuple(layer.label for layer in judged.alone),
        alone_in_float=tuple(layer.label for layer in judged.alone_in_float),
        divergences=tuple(
            divergence_facts(place.name, evidence, faithful=_is_faithful(place, each.logits, pictures))
            for place, each in comparisons.items()
        ),
        not_compared=not_compared,
        advice=advice,
    )


def _opened(place: Place, picture: NDArray[np.uint8], child: Child) -> Trace:
    return open_trace(place.file, place.runtime, place.layout, picture=picture, child=child)


def _comparisons(
    trace: Trace, others: tuple[Place, ...], picture: NDArray[np.uint8], child: Child
) -> tuple[dict[Place, RuntimeComparison], tuple[str, ...]]:
    """Those whose layers can be looked at, and why the others' cannot."""
    comparisons, not_compared = {}, []
    for place in others:
        try:
            comparisons[place] = RuntimeComparison(trace, _opened(place, picture, child))
        except (BadArtifact, BadModel, Unavailable) as error:
            not_compared.append(f"{place.name}: {error}")
    return comparisons, tuple(not_compared)


def _is_faithful(place: Place, exposed: NDArray[np.float32], pictures: NDArray[np.uint8]) -> bool:
    """Whether the file as it stands gives the same logits as with its layers exposed; a runtime may fuse less then."""
    few = pictures[:_WITNESSES]
    logits = open_quietly(place.runtime, place.file, place.layout).run(few)
    return bool(np.abs(logits - exposed[: len(few)]).max() <= _ROUNDING * np.abs(logits).max())
