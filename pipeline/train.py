"""The train stage: data set and settings in, a float Keras model out."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

import models
from models.layers import BACKBONE_END
from models.pixels import core_of, with_pixels
from pipeline.data.dataset import Dataset, Samples, Split
from pipeline.data.source import Report
from pipeline.plots import learning_curves
from pipeline.pretrained import load_backbone_weights, load_core
from pipeline.recipe import Recipe, Train
from pipeline.training.devices import choose_place
from pipeline.training.loop import Phase, fit, inference, predict


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The float model (pixels to logits) and one row of history for each epoch of each phase."""

    model: keras.Model
    history: list[dict[str, Any]]
    device: str


def train(recipe: Recipe, dataset: Dataset, work: Path, report: Report) -> Trained:
    """Train the recipe's model; checkpoints stand in `work`, and training goes on from those found there.

    Raises BadModel where the model does not fit the data, Interrupted, Diverged.
    """
    settings = recipe.train
    make_repeatable(settings)
    place = choose_place(settings)
    # A model that came as a file keeps the precision it was saved in.
    keras.mixed_precision.set_global_policy("float32" if recipe.model.file else place.precision)
    training, validation = dataset.part(Split.TRAINING), dataset.part(Split.VALIDATION)
    with place.strategy.scope():
        model = _build(recipe, dataset)
    history: list[dict[str, Any]] = []
    best, best_weights = (-1.0, 0.0), model.get_weights()
    for phase in plan(recipe, training):
        with place.strategy.scope():
            _thaw(core_of(model), recipe, phase)
        rows = fit(model, training, validation, phase, place.strategy, work / phase.name, report)
        history += rows
        reached = max((row["validation_accuracy"], -row["validation_loss"]) for row in rows)
        if reached > best:
            best, best_weights = reached, model.get_weights()
    # A second phase that made it worse gives way to the first.
    model.set_weights(best_weights)
    return Trained(model=_in_float32(model, recipe, dataset), history=history, device=place.words)


def make_repeatable(settings: Train) -> None:
    """Seed every generator; with `train.deterministic`, make each operator give the same bits each time."""
    keras.utils.set_random_seed(settings.seed)
    # Generators whose state is a variable are in the checkpoint, so dropout goes on where it stopped.
    keras.backend.experimental.enable_tf_random_generator()
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()


def plan(recipe: Recipe, training: Samples) -> list[Phase]:
    """The phases of training: one, or two where a pretrained backbone is fine-tuned."""
    settings = recipe.train
    first = Phase(
        name="head" if recipe.model.pretrained else "train",
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        optimizer=settings.optimizer,
        learning_rate=settings.learning_rate,
        schedule=settings.schedule,
        warmup_epochs=settings.warmup_epochs,
        weight_decay=settings.weight_decay,
        label_smoothing=settings.label_smoothing,
        class_weights=balanced_weights(training) if settings.class_weights == "balanced" else (),
        augment=settings.augment,
        early_stopping=settings.early_stopping,
        checkpoint_minutes=settings.checkpoint_minutes,
        seed=settings.seed,
    )
    phases = [first] if settings.epochs else []
    if recipe.model.pretrained and settings.fine_tune:
        tune = settings.fine_tune
        phases.append(
            replace(first, name="fine_tune", epochs=tune.epochs, learning_rate=tune.learning_rate, warmup_epochs=0.0)
        )
    return phases


def balanced_weights(samples: Samples) -> tuple[float, ...]:
    """One weight for each class, inverse to its share, 1 on average over the samples."""
    counts = np.bincount(samples.labels)
    return tuple(float(len(samples) / (len(counts) * count)) for count in counts)


def write_outputs(trained: Trained, dataset: Dataset, folder: Path) -> dict[str, Any]:
    """Write model.keras, history.csv, curves.png, float.npz (logits on validation and blind test) and summary.json's
    content, which is returned."""
    trained.model.save(folder / "model.keras")
    _write_history(trained.history, folder / "history.csv")
    if trained.history:
        learning_curves(trained.history, folder / "curves.png")
    validation, blind = dataset.part(Split.VALIDATION), dataset.part(Split.BLIND_TEST)
    infer = inference(trained.model)
    logits = predict(infer, validation), predict(infer, blind)
    np.savez(folder / "float.npz", validation=logits[0], blind_test=logits[1])
    return {
        "device": trained.device,
        "parameters": trained.model.count_params(),
        "validation_top1": float(np.mean(logits[0].argmax(1) == validation.labels)),
    }


def _build(recipe: Recipe, dataset: Dataset) -> keras.Model:
    shape, classes = dataset.images.shape[1:], len(dataset.classes)
    chosen = recipe.model
    if chosen.file is not None:
        return with_pixels(load_core(chosen.file, shape, classes), chosen.input_scale, chosen.input_offset)
    # The recipe was checked to have a name where it has no file.
    name = str(chosen.name)
    core = models.build(name, shape, classes, width=chosen.width, dropout=recipe.train.dropout)
    if chosen.pretrained is not None:
        load_backbone_weights(core, name, chosen.pretrained, chosen.width)
    return with_pixels(core, chosen.input_scale, chosen.input_offset)


def _thaw(core: keras.Model, recipe: Recipe, phase: Phase) -> None:
    """Choose what trains: all of a new network; of a pretrained one the head, then also its last layers.

    BatchNormalization of a pretrained backbone stays frozen: its statistics belong to the larger data set.
    """
    if recipe.model.pretrained is None:
        return
    names = [layer.name for layer in core.layers]
    end = names.index(BACKBONE_END)
    tuned = recipe.train.fine_tune.layers if phase.name == "fine_tune" and recipe.train.fine_tune else 0
    for position, layer in enumerate(core.layers[:end]):
        layer.trainable = position >= end - tuned and not isinstance(layer, keras.layers.BatchNormalization)


def _in_float32(model: keras.Model, recipe: Recipe, dataset: Dataset) -> keras.Model:
    """The same weights in a float32 network on the default device, as the quantizer wants it."""
    if keras.mixed_precision.global_policy().name == "float32":
        return model
    weights = model.get_weights()
    keras.mixed_precision.set_global_policy("float32")
    plain = _build(recipe, dataset)
    plain.set_weights(weights)
    return plain


def _write_history(rows: Sequence[dict[str, Any]], path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(
            file, ["phase", "epoch", "learning_rate", "loss", "validation_loss", "validation_accuracy"]
        )
        writer.writeheader()
        writer.writerows(rows)
