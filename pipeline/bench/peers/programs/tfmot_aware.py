"""tfmot alone: quantization-aware training of the whole network, then TensorFlow's converter, as its guide has it.

https://www.tensorflow.org/model_optimization/guide/quantization/training_example

The guide trains for one epoch on a thousand pictures; here it is one epoch on all of them, at a learning rate that
suits a network that is trained already, as that is what anyone would try next.
"""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras

_BATCH = 128
_LEARNING_RATE = 1e-4


def main(materials: Path, seed: str, result: Path) -> None:
    keras.utils.set_random_seed(int(seed))
    source = json.loads((materials / "input.json").read_text())
    labels = np.load(materials / "labels.npy", allow_pickle=False)
    pixels = np.load(materials / "training.npy", mmap_mode="r", allow_pickle=False)

    def numbers(position: tf.Tensor) -> tf.Tensor:
        pictures = tf.numpy_function(lambda at: pixels[at], [position], tf.uint8)
        centred = tf.cast(pictures, tf.float32) - source["zero_point"]
        return tf.ensure_shape(centred * source["scale"], (None, *pixels.shape[1:])), tf.gather(labels, position)

    model = tfmot.quantization.keras.quantize_model(keras.models.load_model(materials / "float.h5", compile=False))
    model.compile(keras.optimizers.Adam(_LEARNING_RATE), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    data = tf.data.Dataset.range(len(labels)).shuffle(len(labels), seed=int(seed)).batch(_BATCH).map(numbers)
    model.fit(data, epochs=1, verbose=0)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    result.write_bytes(converter.convert())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
