"""Every way to run a model file that is compared: the runtimes of our artefacts, and those that peers bring.

A caller takes pictures as `pipeline.bench.prepared` makes them and answers logits, float32 [n, classes], with one
thread. TensorFlow's must be opened in a process that has not used TensorFlow yet (`single_thread`).
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edge.device.contract import Layout
from pipeline.bench.prepared import Array
from pipeline.evaluation import open_quietly

Caller = Callable[[Array], Array]

_CHUNK = 250  # pictures at once where the batch is free: bounds the memory for activations


def open_caller(runtime: str, file: Path, layout: Layout = "NHWC") -> Caller:
    """The model `file` in `runtime`: one of CALLERS, or of `edge.runtimes`, which takes pictures of NHWC and turns them
    where `layout` is the other.

    Raises BadArtifact where it cannot be read there.
    """
    if runtime in CALLERS:
        return CALLERS[runtime](file)
    return open_quietly(runtime, file, layout).run


def answers(runtime: str, file: Path, pictures: Array) -> Array:
    """Logits of all prepared `pictures`; for `Child.call`, as another's file may crash its runtime."""
    single_thread()
    return open_caller(runtime, file)(pictures)


def single_thread() -> None:
    """Hold TensorFlow to one thread, where it is not running yet."""
    os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")


def _keras(file: Path) -> Caller:
    import tf_keras as keras

    model = keras.models.load_model(file, compile=False)
    return _in_chunks(lambda pictures: model(pictures, training=False))


def _keras_function(file: Path) -> Caller:
    import tf_keras as keras

    return _compiled(keras.models.load_model(file, compile=False))


def _keras3(file: Path) -> Caller:
    import keras  # type: ignore[import-untyped]

    return _compiled(keras.models.load_model(file, compile=False))


def _compiled(model: Any) -> Caller:
    import tensorflow as tf

    specification = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    return _in_chunks(tf.function(lambda pictures: model(pictures, training=False), input_signature=[specification]))


def _in_chunks(call: Callable[[Array], Any]) -> Caller:
    def run(pictures: Array) -> Array:
        starts = range(0, len(pictures), _CHUNK)
        return np.concatenate([call(pictures[start : start + _CHUNK]).numpy() for start in starts])

    return run


def _openvino(file: Path) -> Caller:
    """OpenVINO with its own choice of precision: bfloat16 for what is not int8, where the processor has that."""
    import openvino

    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1}
    request = openvino.Core().compile_model(openvino.Core().read_model(file), "CPU", settings).create_infer_request()

    def run(pictures: Array) -> Array:
        found = []
        for at in range(len(pictures)):
            request.infer([pictures[at : at + 1]], share_inputs=True)
            found.append(request.get_output_tensor(0).data.copy())
        return np.concatenate(found)

    return run


CALLERS: dict[str, Callable[[Path], Caller]] = {
    "Keras model(x)": _keras,
    "tf.function": _keras_function,
    "Keras 3": _keras3,
    "OpenVINO, own precision": _openvino,
}
