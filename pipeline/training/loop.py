"""The training loop. Everything that a step sees follows from the seed and the step's number, so a run that was
killed goes on from its checkpoint and ends with the weights of one that was not."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from numpy.typing import NDArray

from edge.device.errors import Diverged, Interrupted
from pipeline.data.dataset import Samples
from pipeline.data.source import Report
from pipeline.recipe import Augment
from pipeline.training.augment import augmenter
from pipeline.training.batches import Order, stream
from pipeline.training.checkpoint import BEST, Progress, load_checkpoint, save_checkpoint
from pipeline.training.interrupt import stop_requests
from pipeline.training.optimizers import make_optimizer
from pipeline.training.schedule import Schedule

Infer = Callable[[tf.Tensor], tf.Tensor]


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One stretch of training with one optimizer. `class_weights` holds one weight for each class, or is empty."""

    name: str
    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    augment: Augment
    schedule: str = "constant"
    warmup_epochs: float = 0.0
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] = ()
    early_stopping: int = 0
    checkpoint_minutes: float = 5.0
    seed: int = 0


def fit(
    model: keras.Model,
    training: Samples,
    validation: Samples,
    phase: Phase,
    strategy: tf.distribute.Strategy,
    work: Path,
    report: Report,
) -> list[dict[str, Any]]:
    """Train `model` (pixels to logits) in place, ending with its best weights on validation; one row for each epoch.

    Checkpoints stand in `work`; where one is found there, training goes on from it.
    Raises Interrupted after Ctrl-C or SIGTERM, Diverged where the loss is not a number.
    """
    work.mkdir(parents=True, exist_ok=True)
    order = Order(len(training), phase.batch_size, phase.seed)
    steps = order.steps_per_epoch * phase.epochs
    schedule = Schedule(
        kind=phase.schedule,
        peak=phase.learning_rate,
        steps=steps,
        warmup=round(phase.warmup_epochs * order.steps_per_epoch),
    )
    with strategy.scope():
        optimizer = make_optimizer(phase.optimizer, phase.weight_decay)
        if keras.mixed_precision.global_policy().name == "mixed_float16":
            optimizer = keras.mixed_precision.LossScaleOptimizer(optimizer)
        optimizer.build(model.trainable_variables)
        variables = tf.train.Checkpoint(model=model, optimizer=optimizer, generators=_generators(model))
        progress = load_checkpoint(work / "last", variables)
    infer = inference(model)
    train_step = compiled_step(model, optimizer, phase, strategy)
    writer = tf.summary.create_file_writer(str(work.parent / "tensorboard" / phase.name))
    saved = time.monotonic()
    with stop_requests() as stop:
        batches = strategy.experimental_distribute_dataset(stream(training, order, progress.step, steps))
        for images, labels, step in batches:
            if _stopped_early(progress, phase):
                break
            seed = tf.stack([phase.seed, tf.cast(step, tf.int32)])
            progress.losses.append(train_step(images, labels, seed, schedule.rate(progress.step)))
            progress.step += 1
            report(_words(phase, progress, order), progress.step, steps)
            better = False
            if progress.step % order.steps_per_epoch == 0:
                better = _end_epoch(infer, validation, phase, progress, schedule, writer)
            elif time.monotonic() - saved < phase.checkpoint_minutes * 60 and not stop():
                continue
            _settle(progress, phase)
            save_checkpoint(work / "last", variables, progress, model if better else None)
            saved = time.monotonic()
            if stop():
                raise Interrupted(f"stopped in {_words(phase, progress, order)}; run the same command again to go on")
    writer.close()
    if phase.epochs:
        model.load_weights(work / "last" / BEST)
    return progress.rows


def compiled_step(
    model: keras.Model, optimizer: Any, phase: Phase, strategy: tf.distribute.Strategy
) -> Callable[..., tf.Tensor]:
    """One step of training as a compiled function of (images, labels, seed int32 [2], rate) to the mean loss."""
    change = augmenter(phase.augment)
    classes = model.output_shape[-1]
    weights = tf.constant(phase.class_weights or (1.0,) * classes, tf.float32)
    scaled = isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer)

    def on_replica(images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        seed = tf.random.experimental.stateless_fold_in(seed, context.replica_id_in_sync_group)
        targets = tf.one_hot(labels, classes) * (1 - phase.label_smoothing) + phase.label_smoothing / classes
        pixels, targets = change(images, targets, seed)
        with tf.GradientTape() as tape:
            logits = model(pixels, training=True)
            each = tf.nn.softmax_cross_entropy_with_logits(targets, logits) * tf.gather(weights, labels)
            loss = tf.nn.compute_average_loss(each)
            total = loss + tf.nn.scale_regularization_loss(tf.add_n(model.losses)) if model.losses else loss
            objective = optimizer.get_scaled_loss(total) if scaled else total
        gradients = tape.gradient(objective, model.trainable_variables)
        if scaled:
            gradients = optimizer.get_unscaled_gradients(gradients)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
        optimizer.learning_rate.assign(rate)
        losses = strategy.run(on_replica, args=(images, labels, seed))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

    return lambda images, labels, seed, rate: step(images, labels, seed, tf.constant(rate, tf.float32))


def inference(model: keras.Model) -> Infer:
    """The model in inference mode, compiled: uint8 pictures [n, h, w, c] to float32 logits [n, classes]."""
    infer: Infer = tf.function(
        lambda pictures: model(tf.cast(pictures, tf.float32), training=False), reduce_retracing=True
    )
    return infer


def predict(infer: Infer, samples: Samples, batch_size: int = 256) -> NDArray[np.float32]:
    """Logits of all samples, float32 [n, classes]."""
    parts = [
        infer(tf.constant(samples.pick(np.arange(start, min(start + batch_size, len(samples)))))).numpy()
        for start in range(0, len(samples), batch_size)
    ]
    return np.concatenate(parts).astype(np.float32)


def _generators(model: keras.Model) -> list[tf.random.Generator]:
    """The random generators of dropout layers, which tf_keras does not track."""
    layers = [layer for layer in model.submodules if isinstance(layer, keras.__internal__.layers.BaseRandomLayer)]
    return [layer._random_generator._generator for layer in layers]


def _end_epoch(
    infer: Infer,
    validation: Samples,
    phase: Phase,
    progress: Progress,
    schedule: Schedule,
    writer: tf.summary.SummaryWriter,
) -> bool:
    """Judge the epoch on validation and note it; whether it is the best so far."""
    _settle(progress, phase)
    logits = predict(infer, validation)
    accuracy = float(np.mean(logits.argmax(1) == validation.labels))
    loss = float(tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(validation.labels, logits)))
    if not math.isfinite(loss):
        raise _diverged(phase, progress)
    row: dict[str, Any] = {
        "phase": phase.name,
        "epoch": len(progress.rows) + 1,
        "learning_rate": schedule.rate(progress.step - 1),
        "loss": math.fsum(progress.losses) / len(progress.losses),
        "validation_loss": loss,
        "validation_accuracy": accuracy,
    }
    progress.rows.append(row)
    progress.losses = []
    with writer.as_default(step=progress.step):
        for name in ("learning_rate", "loss", "validation_loss", "validation_accuracy"):
            tf.summary.scalar(name, row[name])
    writer.flush()
    if (accuracy, -loss) <= (progress.best_accuracy, -progress.best_loss):
        return False
    progress.best_accuracy, progress.best_loss, progress.best_epoch = accuracy, loss, row["epoch"]
    return True


def _settle(progress: Progress, phase: Phase) -> None:
    """Bring the losses over from the device, and refuse to go on from one that is not a number."""
    progress.losses = [float(loss) for loss in progress.losses]
    if not all(map(math.isfinite, progress.losses)):
        raise _diverged(phase, progress)


def _diverged(phase: Phase, progress: Progress) -> Diverged:
    return Diverged(
        f"{phase.name}: the loss is not a number at about step {progress.step}; the last good checkpoint is kept: "
        f"lower the rate, e.g. --set train.learning_rate={phase.learning_rate / 10:g}"
    )


def _stopped_early(progress: Progress, phase: Phase) -> bool:
    return 0 < phase.early_stopping <= len(progress.rows) - progress.best_epoch


def _words(phase: Phase, progress: Progress, order: Order) -> str:
    epoch = min(phase.epochs, progress.step // order.steps_per_epoch + 1)
    best = f", best validation {progress.best_accuracy:.2%}" if progress.rows else ""
    return f"{phase.name}: epoch {epoch} of {phase.epochs}{best}"
