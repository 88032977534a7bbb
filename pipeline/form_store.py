"""The forms of one training on disk: made when a target first asks for one, and shared by all targets."""

import hashlib
import shutil
from pathlib import Path

from edge.device.errors import ConversionFailed
from edge.device.files import write_bytes, write_json
from edge.target import Precision
from pipeline.data.dataset import Dataset, Split, load_dataset
from pipeline.data.source import Report
from pipeline.evaluation import Logits, evaluate_logits, float_logits, run_in
from pipeline.fixed_point.form import fixed_point_form
from pipeline.forms import input_quantization, make_form, make_saved_model, make_selective_form, rank_form_layers
from pipeline.isolate import Child
from pipeline.origins import train_origin
from pipeline.quantization.selective import fewest_float_layers
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


def _name(precision: Precision) -> str:
    """What a form is called in its folder."""
    return "saved_model" if precision == "bfloat16" else "model.tflite"


def _key(precision: Precision, budget: float) -> str:
    """Targets share a form, but for the selective one, which is another for another budget."""
    return f"{precision}-{budget:g}" if precision == "int8-selective" else precision


class FormStore:
    """The forms of the training in `run`, and what each answers on validation, asked once."""

    def __init__(self, recipe: Recipe, run: Path, child: Child, report: Report) -> None:
        self._recipe = recipe
        self._run = run
        self._child = child
        self._report = report
        self._answers: dict[str, Logits] = {}
        self._refused: dict[str, ConversionFailed] = {}  # a search that failed is not walked once for each target

    def file(self, precision: Precision, budget: float) -> Path:
        """The form of `precision`: a TFLite file, a fixed-point network, or a SavedModel's folder.

        `budget`, the largest loss of top-1, decides how many layers "int8-selective" leaves float.
        Raises ConversionFailed, BadModel, Diverged, Interrupted where it has to be made and cannot be.
        """
        if precision in ("int8-ptq", "int8-qat"):
            form = self._run / "quantize" / f"{precision}.tflite"
            if not form.exists():
                quantize_stage(self._recipe, self._run, self._report, both=True)
            return form
        if precision.startswith("fixed-"):
            return fixed_point_form(self._recipe, self._run, int(precision.removeprefix("fixed-")), self._report)
        # Named by all that it is made from: another training or version makes another file.
        origin = repr((train_origin(self._recipe, self._run), self._recipe.quantize)) + source_hash("export")
        key = _key(precision, budget)
        folder = self._run / "forms" / f"{key}-{hashlib.sha256(origin.encode()).hexdigest()[:16]}"
        if not folder.exists():
            for stale in (*folder.parent.glob(f"{key}-*"), *folder.parent.glob(f".{key}-*")):
                shutil.rmtree(stale)
            if key in self._refused:
                raise self._refused[key]
            new = folder.with_name(f".{folder.name}.new")
            new.mkdir(parents=True)
            self._report(f"converting to {precision}", 0, 1)
            try:
                self._make(precision, budget, new)
            except ConversionFailed as error:
                self._refused[key] = error
                raise
            new.rename(folder)
        return folder / _name(precision)

    def validation_logits(self, precision: Precision, budget: float) -> Logits:
        """What that form answers on validation in its reference runtime, float32 [n, classes]."""
        key = _key(precision, budget)
        if key not in self._answers:
            runtime, words = reference_runtime(precision), f"{precision} on validation"
            samples = self._dataset().part(Split.VALIDATION)
            self._answers[key] = run_in(runtime, self.file(precision, budget), samples, self._report, words)
        return self._answers[key]

    def _make(self, precision: Precision, budget: float, folder: Path) -> None:
        form = folder / _name(precision)
        if precision == "bfloat16":
            self._child.call(make_saved_model, self._model, *self._pixels, form)
        elif precision == "int8-selective":
            write_bytes(form, self._selective(budget, folder))
        else:
            pictures = calibration_pictures(self._recipe, self._dataset()) if precision in CALIBRATED else None
            content = self._child.call(make_form, self._model, precision, *self._pixels, pictures, None, True)
            write_bytes(form, content)

    def _selective(self, budget: float, folder: Path) -> bytes:
        """int8 but for the fewest layers that hold the budget; their names are left in `folder`."""
        dataset = self._dataset()
        pictures, validation = calibration_pictures(self._recipe, dataset), dataset.part(Split.VALIDATION)
        float_top1 = evaluate_logits(float_logits(self._run / "train").validation, validation.labels).top1
        attempt = folder / "attempt.tflite"

        def convert(names: tuple[str, ...]) -> bytes:
            return self._child.call(make_selective_form, self._model, *self._pixels, pictures, names)

        def drop(content: bytes) -> float:
            attempt.write_bytes(content)
            logits = run_in("litert-reference", attempt, validation, self._report, "int8-selective on validation")
            return float_top1 - evaluate_logits(logits, validation.labels).top1

        layers = self._child.call(rank_form_layers, self._model, *self._pixels, pictures)
        selection = fewest_float_layers(layers, convert, drop, budget)
        attempt.unlink()
        write_json(folder / "left_float.json", selection.left_float)
        return selection.content

    @property
    def _model(self) -> Path:
        return self._run / "train" / "model.keras"

    @property
    def _pixels(self) -> tuple[float, int]:
        return input_quantization(self._recipe.model)

    def _dataset(self) -> Dataset:
        return load_dataset(self._run / "data")
