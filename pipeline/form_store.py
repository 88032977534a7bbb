"""The forms of one training on disk: made when a target first asks for one, and shared by all targets."""

import hashlib
import shutil
from pathlib import Path

from edge.device.files import write_bytes
from edge.target import Precision
from pipeline.data.dataset import Dataset, Split, load_dataset
from pipeline.data.source import Report
from pipeline.evaluation import Logits, run_in
from pipeline.forms import input_quantization, make_form
from pipeline.isolate import Child
from pipeline.origins import train_origin
from pipeline.quantize import calibration_pictures
from pipeline.recipe import Recipe
from pipeline.stage import source_hash
from pipeline.stages import quantize_stage

CALIBRATED = ("int16x8",)


def reference_runtime(precision: Precision) -> str:
    """The runtime that defines the right answer of a form."""
    if precision.startswith("fixed-"):
        return "fixed-point"
    return "tensorflow" if precision == "bfloat16" else "litert-reference"


class FormStore:
    """The forms of the training in `run`, and what each answers on validation, asked once."""

    def __init__(self, recipe: Recipe, run: Path, child: Child, report: Report) -> None:
        self._recipe = recipe
        self._run = run
        self._child = child
        self._report = report
        self._answers: dict[Precision, Logits] = {}

    def file(self, precision: Precision) -> Path:
        """The form of `precision`: a TFLite file, a fixed-point network, or a SavedModel's folder.

        Raises ConversionFailed, BadModel, Diverged, Interrupted where it has to be made and cannot be.
        """
        if precision in ("int8-ptq", "int8-qat"):
            form = self._run / "quantize" / f"{precision}.tflite"
            if not form.exists():
                quantize_stage(self._recipe, self._run, self._report, both=True)
            return form
        # Named by all that it is made from: another training or version makes another file.
        origin = repr((train_origin(self._recipe, self._run), self._recipe.quantize)) + source_hash("export")
        folder = self._run / "forms" / f"{precision}-{hashlib.sha256(origin.encode()).hexdigest()[:16]}"
        form = folder / "model.tflite"
        if not form.exists():
            for stale in folder.parent.glob(f"{precision}-*"):
                shutil.rmtree(stale)
            folder.mkdir(parents=True)
            self._report(f"converting to {precision}", 0, 1)
            write_bytes(form, self._tflite(precision))
        return form

    def validation_logits(self, precision: Precision) -> Logits:
        """What the form of `precision` answers on validation in its reference runtime, float32 [n, classes]."""
        if precision not in self._answers:
            runtime, words = reference_runtime(precision), f"{precision} on validation"
            samples = self._dataset().part(Split.VALIDATION)
            self._answers[precision] = run_in(runtime, self.file(precision), samples, self._report, words)
        return self._answers[precision]

    def _dataset(self) -> Dataset:
        return load_dataset(self._run / "data")

    def _tflite(self, precision: Precision) -> bytes:
        scale, zero_point = input_quantization(self._recipe.model)
        pictures = calibration_pictures(self._recipe, self._dataset()) if precision in CALIBRATED else None
        model = self._run / "train" / "model.keras"
        return self._child.call(make_form, model, precision, scale, zero_point, pictures, None, True)
