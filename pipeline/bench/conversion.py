"""How long conversions take: each form of the trained network, and what each target derives from a form."""

import functools
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.boards import find_board
from edge.target import Precision
from edge.targets import TARGETS
from pipeline.bench.materials import PICTURES, calibration_pictures
from pipeline.bench.subject import Subject
from pipeline.forms import make_form, make_saved_model
from pipeline.interleave import interleave
from pipeline.isolate import Child

_FORMS: tuple[Precision, ...] = ("float32", "float16", "int8-ptq", "int16x8")
_CALIBRATED = ("int8-ptq", "int16x8")
_DERIVING = ("cpu", "jetson", "coral", "mcu", "openvino")


def conversion(subject: Subject, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Median seconds of each conversion, without loading TensorFlow and without proofs.

    Forms begin with the trained model on disk; targets, with the int8 form that the run ships or, where it ships none,
    with float32.
    """
    with Child() as child, tempfile.TemporaryDirectory(prefix="edgewise-bench-") as work:
        variants = {**_forms(subject, child, Path(work)), **_targets(subject, child, Path(work))}
        say(f"{len(variants)} conversions take turns, {rounds} rounds and one to warm up")
        seconds = interleave(
            {name: functools.partial(_announced, name, run, say) for name, run in variants.items()}, rounds
        )
    return {
        "rounds": rounds,
        "calibration_pictures": PICTURES,
        "seconds": {name: round(statistics.median(times), 3) for name, times in seconds.items()},
    }


def _announced(name: str, run: Callable[[], None], say: Callable[[str], None]) -> None:
    say(name)
    run()


def _forms(subject: Subject, child: Child, work: Path) -> dict[str, Callable[[], None]]:
    pixels, pictures = (subject.scale, subject.zero_point), calibration_pictures(subject, 0)
    aware = subject.run / "quantize" / "qat.h5"

    def form(precision: Precision) -> None:
        calibration = pictures if precision in _CALIBRATED else None
        weights = aware if precision == "int8-qat" else None
        child.call(make_form, subject.model, precision, *pixels, calibration, weights, True)

    def saved_model() -> None:
        with tempfile.TemporaryDirectory(dir=work) as folder:
            child.call(make_saved_model, subject.model, *pixels, Path(folder) / "saved_model")

    precisions = (*_FORMS, *(("int8-qat",) if aware.exists() else ()))
    return {
        **{f"form {precision}": functools.partial(form, precision) for precision in precisions},
        "form bfloat16": saved_model,
    }


def _targets(subject: Subject, child: Child, work: Path) -> dict[str, Callable[[], None]]:
    form = next(folder / "model.tflite" for folder in subject.artefacts if (folder / "model.tflite").exists())
    precision = next(each.precision for folder, each in subject.artefacts.items() if folder == form.parent)

    def derive(target: str) -> None:
        with tempfile.TemporaryDirectory(dir=work) as folder:
            child.call(TARGETS[target].convert, form, find_board(target, None), Path(folder))

    fitting = [target for target in _DERIVING if precision in TARGETS[target].RUNGS]
    return {f"{target} from {precision}": functools.partial(derive, target) for target in fitting}
