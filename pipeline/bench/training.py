"""Is the input pipeline in the way? Training steps fed from the data set against the same step fed one batch."""

import statistics
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

import models
from models.pixels import with_pixels
from pipeline.data.dataset import Samples
from pipeline.interleave import interleave, ratio
from pipeline.recipe import Augment
from pipeline.training.batches import Order, stream
from pipeline.training.loop import Phase, compiled_step
from pipeline.training.optimizers import make_optimizer

_BATCH = 128
_STEPS = 40
_ROUNDS = 7


def measure_training(samples: Samples, precisions: tuple[str, ...]) -> dict[str, Any]:
    """ResNet-8 on `samples`, batch 128, with flips and crops: images a second from the data set and from one constant
    batch, their ratio, and each precision against float32."""
    variants: dict[str, Callable[[], None]] = {}
    for precision in precisions:
        variants |= {f"{precision}, {name}": run for name, run in _variants(samples, precision).items()}
    seconds = interleave(variants, _ROUNDS)
    speed = {name: _STEPS * _BATCH / statistics.median(times) for name, times in seconds.items()}
    return {
        "images_per_second": {name: round(value) for name, value in speed.items()},
        "data_set_against_constant_batch": {
            precision: round(ratio(seconds, f"{precision}, data set", f"{precision}, constant batch"), 3)
            for precision in precisions
        },
        "against_float32": {
            precision: round(ratio(seconds, f"{precision}, data set", "float32, data set"), 3)
            for precision in precisions
        },
    }


def _variants(samples: Samples, precision: str) -> dict[str, Callable[[], None]]:
    keras.mixed_precision.set_global_policy(precision)
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    phase = Phase(
        name="bench",
        epochs=1,
        batch_size=_BATCH,
        optimizer="momentum",
        learning_rate=0.01,
        augment=Augment(flip=True, crop=0.125),
    )
    with strategy.scope():
        model = with_pixels(models.build("resnet8", samples.images.shape[1:], 10), 1 / 128, -1.0)
        optimizer = make_optimizer("momentum", 0.0)
        optimizer.build(model.trainable_variables)
    step = compiled_step(model, optimizer, phase, strategy)
    order = Order(len(samples), _BATCH, 0)
    # One endless stream, as in training, where the pipeline is started once for all epochs.
    batches: Iterator[Any] = iter(strategy.experimental_distribute_dataset(stream(samples, order, 0, 10**9)))
    constant = next(batches)

    def from_data_set() -> None:
        for _ in range(_STEPS):
            images, labels, number = next(batches)
            loss = step(images, labels, tf.stack([0, tf.cast(number, tf.int32)]), 0.01)
        float(loss)

    def from_constant_batch() -> None:
        images, labels, number = constant
        for _ in range(_STEPS):
            loss = step(images, labels, tf.stack([0, tf.cast(number, tf.int32)]), 0.01)
        float(loss)

    return {"data set": from_data_set, "constant batch": from_constant_batch}


def random_samples(count: int = 10_000) -> Samples:
    """Pictures of noise in the form of CIFAR-10, where the real ones are not at hand: as many bytes, no less work."""
    generator = np.random.default_rng(0)
    return Samples(
        images=generator.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8),
        labels=generator.integers(0, 10, count, dtype=np.int32),
        index=np.arange(count),
        names=tuple(map(str, range(count))),
    )
