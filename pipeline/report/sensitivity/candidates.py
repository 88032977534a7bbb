"""The forms that are held against each other: all that one training gives without training again."""

from dataclasses import dataclass
from pathlib import Path

from edge.device.errors import BadData, BadModel, ConversionFailed
from edge.target import Precision
from pipeline.form_store import FormStore
from pipeline.quantization.selective import LayerDamage
from pipeline.report.inspection import Inspection

_CONVERTED: tuple[Precision, ...] = ("int8-ptq", "int16x8", "float16", "float32")
_MOST_STEPS = 5  # of the selective path
_NOT_MADE = (ConversionFailed, BadModel, BadData)  # one form that there is none of leaves the others to compare


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A TFLite file; `layers_float` as of `Form`."""

    name: str
    precision: Precision
    layers_float: int | None
    file: Path


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """`missing`: forms that could not be made, and why. `layers`: all that int8 touches, the most damaged first."""

    forms: tuple[Candidate, ...]
    missing: dict[str, str]
    layers: tuple[LayerDamage, ...]


def gather(inspection: Inspection) -> Candidates:
    """Every form of the run's training; those that are not there yet are converted in the child and kept."""
    store = FormStore(inspection.recipe, inspection.run, inspection.child, inspection.report)
    forms: list[Candidate] = []
    missing: dict[str, str] = {}
    layers: tuple[LayerDamage, ...] = ()
    for precision in _CONVERTED:
        try:
            file = store.file(precision, inspection.recipe.quantize.budget)
        except _NOT_MADE as error:
            missing[precision] = str(error)
            continue
        untouched = 0 if precision == "int8-ptq" else None
        forms.append(Candidate(name=precision, precision=precision, layers_float=untouched, file=file))
    aware = inspection.run / "quantize" / "int8-qat.tflite"
    if aware.exists():
        forms.insert(0, Candidate(name="int8-qat", precision="int8-qat", layers_float=None, file=aware))
    else:
        missing["int8-qat"] = "the run did not train with int8 arithmetic imitated; quantize.aware = true does"
    try:
        path = store.selective()
    except _NOT_MADE as error:
        missing["int8-selective"] = str(error)
    else:
        layers = path.layers
        for form in path.forms[:_MOST_STEPS]:
            count = len(form.left_float)
            name = f"int8, {count} layer{'' if count == 1 else 's'} float"
            forms.append(Candidate(name=name, precision="int8-selective", layers_float=count, file=form.file))
    return Candidates(forms=tuple(forms), missing=missing, layers=layers)
