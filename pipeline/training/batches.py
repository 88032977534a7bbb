"""Batches as a pure function of seed and step, so that a resumed run sees what an uninterrupted one would."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import Samples

if TYPE_CHECKING:
    import tensorflow as tf


class Order:
    """Positions of every batch: each epoch a new permutation, its last incomplete batch left out.

    Holds the permutation of the epoch last asked for.
    """

    def __init__(self, count: int, batch_size: int, seed: int) -> None:
        self.batch_size = min(batch_size, count)
        self.steps_per_epoch = count // self.batch_size
        self._count = count
        self._seed = seed
        self._epoch = -1
        self._permutation: NDArray[np.int64] = np.arange(0)

    def batch(self, step: int) -> NDArray[np.int64]:
        """Positions of the samples of step `step`, int64 [batch_size]."""
        epoch, within = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._permutation = np.random.default_rng([self._seed, epoch]).permutation(self._count)
            self._epoch = epoch
        return self._permutation[within * self.batch_size : (within + 1) * self.batch_size]


def stream(samples: Samples, order: Order, first: int, last: int) -> "tf.data.Dataset":
    """Steps `first` to `last` - 1 as (uint8 images [batch, h, w, c], int32 labels [batch], int64 step)."""
    import tensorflow as tf

    def load(step: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        positions = order.batch(int(step))
        return samples.pick(positions), samples.labels[positions]

    def element(step: "tf.Tensor") -> tuple["tf.Tensor", "tf.Tensor", "tf.Tensor"]:
        images, labels = tf.numpy_function(load, [step], [tf.uint8, tf.int32])
        images = tf.ensure_shape(images, (order.batch_size, *samples.images.shape[1:]))
        return images, tf.ensure_shape(labels, (order.batch_size,)), step

    options = tf.data.Options()
    # The tuner would end every pass with up to a second of idle waiting.
    options.autotune.enabled = False
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return tf.data.Dataset.range(first, last).map(element).prefetch(4).with_options(options)
