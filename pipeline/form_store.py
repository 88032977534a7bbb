"""The forms of one training on disk: made when a target first asks for one, and shared by all targets."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from edge.device.errors import BadArtifact, ConversionFailed
from edge.device.files import read_json, write_bytes, write_json
from edge.target import Precision
from pipeline.budget import judge
from pipeline.data.dataset import Dataset, Split, load_dataset
from pipeline.data.source import Report
from pipeline.evaluation import Logits, float_logits, run_in
from pipeline.fixed_point.form import fixed_point_form
from pipeline.forms import input_quantization, make_form, make_saved_model, make_selective_path
from pipeline.isolate import Child
from pipeline.origins import train_origin
from pipeline.quantization.selective import LayerDamage
from pipeline.quantize import calibration_pictures
from pipeline.recipe import Recipe
from pipeline.stage import source_hash
from pipeline.stages import quantize_stage

CALIBRATED = ("int8-ptq", "int16x8")
PATH = "path.json"


@dataclass(frozen=True, kw_only=True)
class SelectiveForm:
    """A TFLite file in int8 but for the layers `left_float`."""

    file: Path
    left_float: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SelectiveForms:
    """The layers that int8 touches, the most damaged first, and forms with more and more of them left float."""

    layers: tuple[LayerDamage, ...]
    forms: tuple[SelectiveForm, ...]


def reference_runtime(precision: Precision) -> str:
    """The runtime that defines the right answer of a form."""
    if precision.startswith("fixed-"):
        return "fixed-point"
    return "tensorflow" if precision == "bfloat16" else "litert-reference"


def _name(precision: Precision) -> str:
    """What a form is called in its folder."""
    return "saved_model" if precision == "bfloat16" else "model.tflite"


class FormStore:
    """The forms of the training in `run`, and what each answers on validation, asked once."""

    def __init__(self, recipe: Recipe, run: Path, child: Child, report: Report) -> None:
        self._recipe = recipe
        self._run = run
        self._child = child
        self._report = report
        self._answers: dict[Path, Logits] = {}
        # What failed is not tried once for each target: forms, and searches among the selective ones by their budget.
        self._refused: dict[str, ConversionFailed] = {}

    def file(self, precision: Precision, budget: float) -> Path:
        """The form of `precision`: a TFLite file, a fixed-point network, or a SavedModel's folder.

        `budget`, the largest loss of top-1, decides how many layers "int8-selective" leaves float. "int8-ptq" is to be
        had for comparison also where the recipe leaves it out.
        Raises ConversionFailed, BadModel, Diverged, Interrupted where it has to be made and cannot be.
        """
        if precision == "int8-qat" or (precision == "int8-ptq" and self._recipe.quantize.aware is not True):
            form = self._run / "quantize" / f"{precision}.tflite"
            if not form.exists():
                quantize_stage(self._recipe, self._run, self._report, both=True)
            return form
        if precision.startswith("fixed-"):
            return fixed_point_form(self._recipe, self._run, int(precision.removeprefix("fixed-")), self._report)
        if precision == "int8-selective":
            return self._fewest_float_layers(budget)
        return self._folder(precision) / _name(precision)

    def selective(self) -> SelectiveForms:
        """All forms of "int8-selective", the one with the fewest float layers first.

        Raises ConversionFailed where they have to be made and cannot be, BadArtifact where what was kept is damaged.
        """
        folder = self._folder("int8-selective")
        try:
            kept = TypeAdapter(SelectiveForms).validate_python(read_json(folder / PATH))
        except ValidationError as error:
            raise BadArtifact(
                f"{folder / PATH}: not a path of selections ({error.errors()[0]['msg']}); delete {folder}"
            ) from None
        forms = (SelectiveForm(file=folder / form.file, left_float=form.left_float) for form in kept.forms)
        return SelectiveForms(layers=kept.layers, forms=tuple(forms))

    def validation_logits(self, precision: Precision, budget: float) -> Logits:
        """What that form answers on validation in its reference runtime, float32 [n, classes]."""
        return self._validation_logits(self.file(precision, budget), precision)

    def _validation_logits(self, form: Path, precision: Precision) -> Logits:
        if form not in self._answers:
            runtime, words = reference_runtime(precision), f"{precision} on validation"
            self._answers[form] = run_in(runtime, form, self._dataset().part(Split.VALIDATION), self._report, words)
        return self._answers[form]

    def _folder(self, precision: Precision) -> Path:
        """The folder of a form, made where it is not there."""
        # Named by all that it is made from: another training or version makes another file.
        origin = repr((train_origin(self._recipe, self._run), self._recipe.quantize)) + source_hash("export")
        folder = self._run / "forms" / f"{precision}-{hashlib.sha256(origin.encode()).hexdigest()[:16]}"
        if not folder.exists():
            for stale in (*folder.parent.glob(f"{precision}-*"), *folder.parent.glob(f".{precision}-*")):
                shutil.rmtree(stale)
            if precision in self._refused:
                raise self._refused[precision]
            new = folder.with_name(f".{folder.name}.new")
            new.mkdir(parents=True)
            self._report(f"converting to {precision}", 0, 1)
            try:
                self._make(precision, new)
            except ConversionFailed as error:
                self._refused[precision] = error
                raise
            new.rename(folder)
        return folder

    def _make(self, precision: Precision, folder: Path) -> None:
        form = folder / _name(precision)
        if precision == "bfloat16":
            self._child.call(make_saved_model, self._model, *self._pixels, form)
        elif precision == "int8-selective":
            self._make_selective(folder)
        else:
            pictures = calibration_pictures(self._recipe, self._dataset()) if precision in CALIBRATED else None
            content = self._child.call(make_form, self._model, precision, *self._pixels, pictures, None, True)
            write_bytes(form, content)

    def _make_selective(self, folder: Path) -> None:
        pictures = calibration_pictures(self._recipe, self._dataset())
        path = self._child.call(make_selective_path, self._model, *self._pixels, pictures)
        forms = []
        for selection in path.selections:
            form = SelectiveForm(file=Path(f"{len(selection.left_float)}.tflite"), left_float=selection.left_float)
            write_bytes(folder / form.file, selection.content)
            forms.append(form)
        made = SelectiveForms(layers=path.layers, forms=tuple(forms))
        write_json(folder / PATH, TypeAdapter(SelectiveForms).dump_python(made, mode="json"))

    def _fewest_float_layers(self, budget: float) -> Path:
        """The selective form that leaves the fewest layers float of those within the budget.

        It is the smallest, too: a limit of size that it breaks is broken by all that lose no more.
        """
        key = f"int8-selective-{budget:g}"
        if key in self._refused:
            raise self._refused[key]
        path = self.selective()
        labels = self._dataset().part(Split.VALIDATION).labels
        reference, test = float_logits(self._run / "train").validation, self._recipe.quantize.budget_test
        tried = []
        for form in path.forms:
            logits = self._validation_logits(form.file, "int8-selective")
            judgement = judge(logits, reference, labels, budget, test)
            if judgement.holds:
                return form.file
            tried.append(f"with {len(form.left_float)} left float it {judgement.words('validation')}")
        words = "; ".join(tried) or "too few to leave half of them float"
        self._refused[key] = ConversionFailed(
            f"no selection of float layers holds: of {len(path.layers)} layers, {words}"
        )
        raise self._refused[key]

    @property
    def _model(self) -> Path:
        return self._run / "train" / "model.keras"

    @property
    def _pixels(self) -> tuple[float, int]:
        return input_quantization(self._recipe.model)

    def _dataset(self) -> Dataset:
        return load_dataset(self._run / "data")
