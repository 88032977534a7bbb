"""What every peer begins with: the same float network in the format that it reads, and the same pictures."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.files import replace_folder, sha256_of, write_json
from pipeline.bench.record import WORK
from pipeline.bench.subject import Subject
from pipeline.data.balance import balanced_positions
from pipeline.isolate import Child

SEEDS = (0, 1, 2, 3)
PICTURES = 200  # of each calibration set

ONNX, TFLITE, SAVED_MODEL, KERAS = "float.onnx", "float.tflite", "saved_model", "float.h5"

_OPSET = 17  # the newest that tf2onnx 1.17 writes without transposing


def calibration_pictures(subject: Subject, seed: int) -> NDArray[np.uint8]:
    """The calibration set of `seed`, the same for everybody: raw pictures, uint8 [PICTURES, h, w, c]."""
    return subject.training.pick(balanced_positions(subject.training.labels, PICTURES, seed))


def make_materials(subject: Subject) -> Path:
    """The folder of materials of a run, made where it is missing:

    float.onnx (channels first), float.tflite, saved_model/ and float.h5 (Keras 2), all with float32 inputs as the
    network takes them; a calibration set for each of SEEDS, float32 [n, h, w, c], as the network takes it; of the whole
    training split training.npy, uint8 [n, h, w, c], and labels.npy, int32 [n]; input.json, the scale and zero point by
    which bytes become what the network takes. Raises ConversionFailed.
    """
    key = sha256_of(subject.model) + sha256_of(subject.run / "data" / "manifest.json") + sha256_of(Path(__file__))
    place = WORK / "materials" / hashlib.sha256(key.encode()).hexdigest()[:16]
    if place.exists():
        return place
    new = place.with_name(f".{place.name}.new")
    new.mkdir(parents=True, exist_ok=True)
    with Child() as child:
        child.call(write_float_models, subject.model, new)
    for seed in SEEDS:
        np.save(new / f"calibration-{seed}.npy", subject.numbers(calibration_pictures(subject, seed)))
    np.save(new / "training.npy", subject.training.all())
    np.save(new / "labels.npy", subject.training.labels)
    write_json(new / "input.json", {"scale": subject.scale, "zero_point": subject.zero_point})
    replace_folder(new, place)
    return place


def write_float_models(model: Path, folder: Path) -> None:
    """Write the network inside `model` into `folder`, in every format; for `Child.call`."""
    import tensorflow as tf

    from pipeline.forms import load_network

    network = load_network(model)
    network.save(folder / KERAS)
    network.export(folder / SAVED_MODEL)
    (folder / TFLITE).write_bytes(tf.lite.TFLiteConverter.from_keras_model(network).convert())
    _write_onnx(network, folder / ONNX)


def _write_onnx(network: Any, file: Path) -> None:
    import onnx
    import tensorflow as tf
    import tf2onnx

    function = tf.function(lambda image: network(image, training=False))
    # Batch one: what all the runtimes are fastest with.
    specification = tf.TensorSpec((1, *network.input_shape[1:]), tf.float32, name="image")
    model, _ = tf2onnx.convert.from_function(function, [specification], opset=_OPSET, inputs_as_nchw=["image"])
    onnx.save(model, file)
