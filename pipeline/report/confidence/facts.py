"""The confidence of the float model and of every distinct artefact, judged on the blind test."""

from dataclasses import dataclass

from edge.device.contract import Output, softmax
from pipeline.data.dataset import Samples, Split
from pipeline.evaluation import Logits
from pipeline.report.confidence.abstention import WANTED, Point, Threshold, choose, curve
from pipeline.report.confidence.calibration import Calibration, calibration
from pipeline.report.inspection import Artefact, Inspection
from pipeline.subset import at_most
from pipeline.temperature import Fitted, fit_temperature, why

_SIMULATED = 2000  # validation pictures for a simulator: it takes milliseconds for each


@dataclass(frozen=True, kw_only=True)
class Model:
    """The float model, or a distinct model of the artefacts in its quickest runtime, as `name` says.

    `top1`: a share of the blind test. `validation`: how many of its pictures were asked. `temperature`: the contract's,
    which scores are made with; 1 for float. `served`: the scores that people get, at that temperature; `plain`: at
    temperature 1. `fitted`: the temperature that is likeliest on validation, with its 95 % interval, and `scaled`, the
    scores at it; both None where validation tells none, as `unfitted` says in words. `thresholds` and `curve`: for "I
    don't know", on the scores as served.
    """

    name: str
    precision: str
    top1: float
    validation: int
    temperature: float
    served: Calibration
    plain: Calibration
    fitted: Fitted | None
    unfitted: str
    scaled: Calibration | None
    thresholds: tuple[Threshold, ...]
    curve: tuple[Point, ...]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """`blind`: pictures of the blind test; `models`: float first."""

    blind: int
    models: tuple[Model, ...]


def measure(inspection: Inspection) -> Facts:
    """Judge scores of the float model and of each distinct artefact."""
    known = inspection.float_logits
    validation, blind = (known.validation, inspection.validation), (known.blind_test, inspection.blind)
    models = [_model("float Keras", "float32", None, validation, blind)]
    for number, artefact in enumerate(inspection.models):
        inspection.report("judging confidence", number, len(inspection.models))
        models.append(_of_artefact(inspection, artefact))
    return Facts(blind=len(inspection.blind), models=tuple(models))


def _of_artefact(inspection: Inspection, artefact: Artefact) -> Model:
    """In the quickest runtime: that is what answers, and its validation costs little."""
    subject = artefact.quickest
    if subject.simulated:
        asked = at_most(inspection.validation, _SIMULATED)
        logits = inspection.answers.of(subject.runtime, subject.file, subject.layout, asked, inspection.report)
    else:
        asked, logits = inspection.validation, inspection.logits(subject, Split.VALIDATION)
    blind = (inspection.logits(subject), inspection.blind)
    return _model(subject.name, artefact.precision, artefact.contract.output, (logits, asked), blind)


def _model(
    name: str,
    precision: str,
    output: Output | None,
    validation: tuple[Logits, Samples],
    blind: tuple[Logits, Samples],
) -> Model:
    """`output` is the contract's, None for float, which has no contract."""
    scores = softmax if output is None else output.scores
    temperature = 1.0 if output is None else output.temperature
    found = fit_temperature(validation[0], validation[1].labels)
    fitted = found if isinstance(found, Fitted) else None
    logits, labels = blind[0], blind[1].labels
    choosing, verifying = (
        (scores(logits).max(axis=1), logits.argmax(axis=1) == samples.labels) for logits, samples in (validation, blind)
    )
    served = calibration(logits, labels, temperature)
    return Model(
        name=name,
        precision=precision,
        top1=float(verifying[1].mean()),
        validation=len(validation[1]),
        temperature=temperature,
        served=served,
        plain=served if temperature == 1 else calibration(logits, labels, 1.0),
        fitted=fitted,
        unfitted="" if isinstance(found, Fitted) else why(found, len(validation[1])),
        scaled=None if fitted is None else calibration(logits, labels, fitted.temperature),
        thresholds=tuple(choose(wanted, choosing, verifying) for wanted in WANTED),
        curve=curve(*verifying),
    )
