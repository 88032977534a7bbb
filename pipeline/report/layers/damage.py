"""A diagnosis of every model of the run whose layers can be looked at."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import BadArtifact, BadModel, ConversionFailed, Unavailable
from pipeline.diagnosis.diagnose import Place, diagnose
from pipeline.diagnosis.diagnosis import Diagnosis
from pipeline.diagnosis.materials import enough_pictures, write_float_file
from pipeline.diagnosis.tracing import can_trace
from pipeline.report.inspection import Artefact, Inspection, Subject
from pipeline.subset import spread

MOST = 4  # models on the page: the targets' precisions rarely make more
_OPAQUE = "only TFLite and ONNX files let their layers be looked at"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """`models`: a diagnosis of each distinct model, on `samples` pictures of validation. `left_out`: the models whose
    layers could not be looked at, and why."""

    samples: int
    models: tuple[Diagnosis, ...]
    left_out: tuple[str, ...]


def measure(inspection: Inspection) -> Facts:
    """Look into every model of the run that LiteRT or ONNX Runtime executes.

    Raises ConversionFailed where the float model cannot be converted.
    """
    seen = [each for each in inspection.models if can_trace(each.subjects[0].file, each.subjects[0].runtime)]
    left_out = [_why(each, _OPAQUE) for each in inspection.models if each not in seen]
    left_out += [_why(each, f"{MOST} are enough; edgewise diagnose looks into it") for each in seen[MOST:]]
    if not seen:
        return Facts(samples=0, models=(), left_out=tuple(left_out))
    models = []
    with tempfile.TemporaryDirectory(prefix="edgewise-") as folder:
        inspection.report("converting the float model", 0, 1)
        entry, trained = seen[0].contract.input, inspection.run / "train"
        float_file = write_float_file(trained, entry, Path(folder), inspection.child)
        validation = inspection.validation
        pictures = validation.pick(spread(len(validation), enough_pictures(float_file)))
        for artefact in seen[:MOST]:
            try:
                models.append(_diagnosis(inspection, artefact, float_file, pictures))
            except (BadArtifact, BadModel, ConversionFailed, Unavailable) as error:
                left_out.append(_why(artefact, str(error)))
    return Facts(samples=len(pictures), models=tuple(models), left_out=tuple(left_out))


def _diagnosis(inspection: Inspection, artefact: Artefact, float_file: Path, pictures: NDArray[np.uint8]) -> Diagnosis:
    return diagnose(
        _place(artefact.subjects[0]),
        _others(inspection, artefact),
        artefact.precision,
        float_file,
        pictures,
        artefact.contract.input.scale,
        artefact.contract.input.zero_point,
        inspection.child,
        inspection.report,
    )


def _others(inspection: Inspection, artefact: Artefact) -> tuple[Place, ...]:
    """What should answer as the artefact's reference does: all files and runtimes of artefacts made of that file."""
    reference = artefact.subjects[0]
    alike = [each for each in inspection.artefacts if each.subjects[0].sha256 == reference.sha256]
    distinct = {(each.sha256, each.runtime): each for made in reversed(alike) for each in made.subjects}
    del distinct[reference.sha256, reference.runtime]
    return tuple(_place(each) for each in distinct.values() if can_trace(each.file, each.runtime))


def _place(subject: Subject) -> Place:
    return Place(name=subject.name, file=subject.file, runtime=subject.runtime, layout=subject.layout)


def _why(artefact: Artefact, reason: str) -> str:
    return f"{artefact.subjects[0].name}: {reason}"
