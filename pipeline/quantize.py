"""The quantize stage: int8 forms of the trained model, after training or aware of it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.files import write_json
from edge.target import Precision
from pipeline.budget import Judgement, judge
from pipeline.data.balance import balanced_positions
from pipeline.data.dataset import Dataset, Samples, Split
from pipeline.data.source import Report
from pipeline.evaluation import evaluate_logits, float_logits, run_in
from pipeline.forms import input_quantization, make_form
from pipeline.isolate import Child
from pipeline.quiet import load_tensorflow
from pipeline.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Form:
    """An int8 TFLite file with its top-1 on validation, by the reference kernels, and the loss against float."""

    precision: Precision
    file: Path
    validation_top1: float
    loss: Judgement


def quantize(
    recipe: Recipe, dataset: Dataset, trained: Path, folder: Path, work: Path, report: Report, *, both: bool = False
) -> tuple[Form, ...]:
    """Write int8-ptq.tflite and / or int8-qat.tflite, calibration.json and forms.json into `folder`; the forms
    are returned in the order of the ladder.

    `trained` is the train stage's folder. `quantize.aware` says which are made: false, after training alone; true,
    quantization-aware training alone; "auto", the second where the first does not hold the budget on validation, or
    where a target asks for `both`. Raises ConversionFailed, BadModel, Interrupted, Diverged.
    """
    settings = recipe.quantize
    training, validation = dataset.part(Split.TRAINING), dataset.part(Split.VALIDATION)
    positions = calibration_positions(recipe, training)
    pictures = training.pick(positions)
    _write_calibration(training, positions, pictures, folder / "calibration.json")
    reference = float_logits(trained).validation
    forms: list[Form] = []

    with Child() as child:

        def add(precision: Precision, calibration: NDArray[np.uint8] | None, weights: Path | None) -> None:
            file = folder / f"{precision}.tflite"
            report(f"converting to {precision}", 0, 1)
            scale, zero_point = input_quantization(recipe.model)
            arguments = (precision, scale, zero_point, calibration, weights, settings.allow_float_layers)
            file.write_bytes(child.call(make_form, trained / "model.keras", *arguments))
            logits = run_in("litert-reference", file, validation, report, f"{precision} on validation")
            top1 = evaluate_logits(logits, validation.labels).top1
            loss = judge(logits, reference, validation.labels, settings.budget, settings.budget_test)
            forms.append(Form(precision=precision, file=file, validation_top1=top1, loss=loss))

        if settings.aware is not True:
            add("int8-ptq", pictures, None)
        if settings.aware is True or (settings.aware == "auto" and (both or not forms[0].loss.holds)):
            history = train_aware(recipe, dataset, trained / "model.keras", folder / "qat.h5", work, report)
            write_json(folder / "history.json", history)
            add("int8-qat", None, folder / "qat.h5")
    write_json(
        folder / "forms.json",
        [
            {"precision": form.precision, "validation_top1": form.validation_top1, "validation_drop": form.loss.drop}
            for form in forms
        ],
    )
    return tuple(forms)


def calibration_positions(recipe: Recipe, training: Samples) -> NDArray[np.int64]:
    """Where the calibration samples stand in the training split: each class in turn."""
    return balanced_positions(training.labels, recipe.quantize.calibration_samples, recipe.data.seed)


def calibration_pictures(recipe: Recipe, dataset: Dataset) -> NDArray[np.uint8]:
    """The calibration samples, uint8 [n, h, w, c]."""
    training = dataset.part(Split.TRAINING)
    return training.pick(calibration_positions(recipe, training))


def train_aware(
    recipe: Recipe, dataset: Dataset, model: Path, weights: Path, work: Path, report: Report
) -> list[dict[str, Any]]:
    """Train the network with int8 arithmetic imitated; write its best weights to `weights`, return its history."""
    load_tensorflow()
    from models.pixels import with_pixels
    from pipeline.forms import load_network
    from pipeline.quantization.aware import quantization_aware
    from pipeline.train import make_repeatable
    from pipeline.training.devices import choose_place
    from pipeline.training.loop import Phase, fit

    settings = recipe.quantize
    make_repeatable(recipe.train)
    place = choose_place(recipe.train)
    scale, zero_point = input_quantization(recipe.model)
    with place.strategy.scope():
        network = quantization_aware(
            load_network(model), scale, zero_point, allow_float_layers=settings.allow_float_layers
        )
        network.trainable = True
        if recipe.model.pretrained is not None:
            _freeze_normalisation(network)
        pixels = with_pixels(network, scale, -zero_point * scale)
    phase = Phase(
        name="quantization-aware",
        epochs=settings.epochs,
        batch_size=recipe.train.batch_size,
        optimizer="adam",
        learning_rate=settings.learning_rate,
        schedule="cosine",
        label_smoothing=recipe.train.label_smoothing,
        augment=recipe.train.augment,
        checkpoint_minutes=recipe.train.checkpoint_minutes,
        seed=recipe.train.seed,
    )
    history = fit(
        pixels,
        dataset.part(Split.TRAINING),
        dataset.part(Split.VALIDATION),
        phase,
        place.strategy,
        work / "qat",
        report,
    )
    network.save_weights(weights)
    return history


def _freeze_normalisation(network: Any) -> None:
    """Leave BatchNormalization as it was trained on a larger data set, as training did; tfmot has it in wrappers."""
    import tf_keras as keras

    for layer in network.layers:
        if isinstance(getattr(layer, "layer", layer), keras.layers.BatchNormalization):
            layer.trainable = False


def _write_calibration(
    training: Samples, positions: NDArray[np.int64], pictures: NDArray[np.uint8], path: Path
) -> None:
    """Name and SHA-256 of the pixels of every calibration sample: the manifest vouches for this file."""
    rows = [
        {"name": training.names[position], "sha256": hashlib.sha256(picture.tobytes()).hexdigest()}
        for position, picture in zip(positions, pictures, strict=True)
    ]
    write_json(path, rows)
