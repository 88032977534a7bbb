"""The fixed-point form of a trained network: one function from recipe and bits to a file, with all training between."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.device.errors import BadModel
from edge.fixed_point.file import write_network
from edge.fixed_point.network import Front
from pipeline.data.dataset import Dataset, Split, load_dataset
from pipeline.data.source import Report
from pipeline.forms import input_quantization
from pipeline.origins import train_origin
from pipeline.quiet import load_tensorflow
from pipeline.recipe import Recipe
from pipeline.stage import source_hash

if TYPE_CHECKING:
    import tf_keras as keras

    from pipeline.fixed_point.aware import Masks
    from pipeline.fixed_point.steps import Step
    from pipeline.training.loop import Phase

# Pictures that show what activations reach.
CALIBRATION = 2048


def fixed_point_form(recipe: Recipe, run: Path, bits: int, report: Report) -> Path:
    """The file of the fixed-point network with weights of `bits` bits, made of the training in `run` once.

    With `fpga.hidden`, a student of those hidden layers learns from the trained network; without, the trained network
    itself goes on. Either is pruned to `fpga.sparsity` and trained with its numbers rounded. Float training and pruning
    are done once for all bits, and go on from their checkpoints where they were interrupted.

    Raises BadModel where the network has a layer that fixed point does not know, Interrupted, Diverged.
    """
    origin = repr((train_origin(recipe, run), recipe.fpga)) + source_hash("export")
    place = run / "fixed_point" / hashlib.sha256(origin.encode()).hexdigest()[:16]
    form = place / f"fixed-{bits}.npz"
    if not form.exists():
        report("starting TensorFlow", 0, 0)
        load_tensorflow()
        _Training(recipe, load_dataset(run / "data"), run / "train" / "model.keras", place, report).write(bits, form)
    return form


def front_of(recipe: Recipe) -> Front:
    """The front that the recipe's input quantization and `fpga.input_bits` ask for.

    Raises BadModel where the input's scale is not a power of two.
    """
    scale, zero_point = input_quantization(recipe.model)
    fraction = -math.log2(scale)
    if fraction != round(fraction):
        raise BadModel(
            f"model.input_scale = {scale:g}: fixed point needs a power of two, such as 1/128; train with that, or name "
            "a student: [fpga] hidden = [48, 24]"
        )
    return Front(zero_point=zero_point, fraction=round(fraction), dropped=8 - recipe.fpga.input_bits)


class _Training:
    """One recipe's way from the trained network to integers; holds what all its phases share."""

    def __init__(self, recipe: Recipe, dataset: Dataset, trained: Path, place: Path, report: Report) -> None:
        import tf_keras as keras

        from pipeline.train import make_repeatable
        from pipeline.training.devices import choose_place

        make_repeatable(recipe.train)
        self._recipe = recipe
        self._training, self._validation = dataset.part(Split.TRAINING), dataset.part(Split.VALIDATION)
        self._shape: tuple[int, int, int] = (*dataset.images.shape[1:],)
        self._classes = len(dataset.classes)
        self._front = front_of(recipe)
        self._device = choose_place(recipe.train)
        with self._device.strategy.scope():
            self._teacher = keras.models.load_model(trained, compile=False)
        self._place = place
        self._report = report

    def write(self, bits: int, form: Path) -> None:
        """Train for `bits` bits and write the network's file."""
        from pipeline.fixed_point.aware import activations_of, aware_network, float_network, network_of, trained_steps
        from pipeline.fixed_point.formats import choose_formats

        settings = self._recipe.fpga
        steps, masks = self._pruned(self._start())
        numbers = self._numbers()
        activations = activations_of(float_network(steps, self._shape, masks), steps, numbers)
        formats = choose_formats(steps, activations, self._front, bits, settings.activation_bits or bits)
        with self._device.strategy.scope():
            aware = aware_network(steps, self._shape, formats, masks)
        self._fit(aware, f"fixed-{bits}", settings.epochs, settings.learning_rate)
        steps = trained_steps(aware, steps, masks)
        write_network(form, network_of(steps, formats, self._front, self._shape, bits))

    def _start(self) -> "tuple[Step, ...]":
        """The student in float, trained; or the steps of the trained network itself."""
        from models.mlp import perceptron
        from models.pixels import core_of
        from pipeline.fixed_point.aware import float_network, trained_steps
        from pipeline.fixed_point.steps import steps_of

        settings = self._recipe.fpga
        if settings.hidden is None:
            return steps_of(core_of(self._teacher))
        steps = steps_of(perceptron(self._shape, self._classes, settings.hidden))
        none = [None] * len(steps)
        with self._device.strategy.scope():
            student = float_network(steps, self._shape, none)
        self._fit(student, "student", settings.student_epochs, settings.student_learning_rate)
        return trained_steps(student, steps, none)

    def _pruned(self, steps: "Sequence[Step]") -> "tuple[Sequence[Step], Masks]":
        from pipeline.fixed_point.aware import float_network, trained_steps
        from pipeline.fixed_point.pruning import levels, masks_of

        settings = self._recipe.fpga
        masks: Masks = masks_of(steps, 0.0)
        for done, level in enumerate(levels(settings.sparsity), start=1):
            masks = masks_of(steps, level)
            with self._device.strategy.scope():
                network = float_network(steps, self._shape, masks)
            self._fit(network, f"pruned-{done}", settings.pruning_epochs, settings.learning_rate)
            steps = trained_steps(network, steps, masks)
        return steps, masks

    def _fit(self, student: "keras.Model", name: str, epochs: int, rate: float) -> None:
        from pipeline.fixed_point.distillation import with_teacher
        from pipeline.training.loop import fit

        with self._device.strategy.scope():
            model = with_teacher(student, self._front, self._teacher)
        phase = self._phase(name, epochs, rate)
        fit(model, self._training, self._validation, phase, self._device.strategy, self._place / name, self._report)

    def _phase(self, name: str, epochs: int, rate: float) -> "Phase":
        from pipeline.training.loop import Phase

        train = self._recipe.train
        return Phase(
            name=name,
            epochs=epochs,
            batch_size=self._recipe.fpga.batch_size,
            optimizer="adam",
            learning_rate=rate,
            schedule="cosine",
            augment=replace(train.augment, mixup=self._recipe.fpga.mixup),
            checkpoint_minutes=train.checkpoint_minutes,
            seed=train.seed,
        )

    def _numbers(self) -> Any:
        """What the network sees of the first training pictures, float32 [n, h, w, c]."""
        import numpy as np

        count = min(CALIBRATION, len(self._training))
        codes = self._front.codes(self._training.pick(np.arange(count)))
        return (codes * 2.0**-self._front.format.fraction).astype(np.float32)
