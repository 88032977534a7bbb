"""TensorFlow on the host, for SavedModels: what a Cloud TPU runs, on this CPU."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import Layout
from edge.device.errors import BadArtifact, Unavailable
from edge.device.runtimes import CHUNK, Runtime

SIGNATURE = "serving_default"


class _TensorFlow:
    """The serving signature of a SavedModel whose batch is free."""

    def __init__(self, model: Any, signature: Any, layout: Layout) -> None:
        self._model = model  # holds the variables that the signature reads
        self._signature = signature
        self._layout = layout
        self._input = next(iter(signature.structured_input_signature[1]))
        self._output = next(iter(signature.structured_outputs))

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        pictures = batch if self._layout == "NHWC" else np.ascontiguousarray(batch.transpose(0, 3, 1, 2))
        return np.concatenate([self._scores(pictures[at : at + CHUNK]) for at in range(0, len(pictures), CHUNK)])

    def _scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        import tensorflow as tf

        scores: NDArray[np.float32] = self._signature(**{self._input: tf.constant(pictures)})[self._output].numpy()
        return scores


def open_saved_model(file: Path, layout: Layout, threads: int) -> Runtime:
    """Load a SavedModel, by its folder or its saved_model.pb, ready to run.

    TensorFlow takes the number of threads before its first operation in a process, and keeps it.
    Raises BadArtifact where it is no SavedModel with a serving signature of one input and one output, Unavailable where
    TensorFlow is missing.
    """
    try:
        import tensorflow as tf
    except ImportError:
        raise Unavailable("the package tensorflow is missing; pip install tensorflow") from None

    _limit_threads(tf, threads)
    folder = file if file.is_dir() else file.parent
    try:
        model = tf.saved_model.load(str(folder))
    except (OSError, ValueError, TypeError, tf.errors.OpError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise BadArtifact(f"{folder}: TensorFlow cannot read this SavedModel ({reason}); export it again") from error
    signature = model.signatures.get(SIGNATURE)
    if signature is None:
        raise BadArtifact(f"{folder}: no signature {SIGNATURE!r} in this SavedModel; save it with one")
    if len(signature.structured_input_signature[1]) != 1 or len(signature.structured_outputs) != 1:
        raise BadArtifact(f"{folder}: its signature {SIGNATURE!r} has not one input and one output; save it with such")
    return _TensorFlow(model, signature, layout)


def _limit_threads(tf: Any, threads: int) -> None:
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    except RuntimeError:
        return  # it has begun already, with a number of its own
