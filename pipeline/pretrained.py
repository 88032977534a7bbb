"""Keras models and weights that were trained elsewhere."""

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tf_keras as keras

import models.mobilenet
from edge.device.errors import BadModel
from models.layers import BACKBONE_END


def load_core(path: Path, shape: tuple[int, int, int], classes: int) -> keras.Model:
    """The network of a .h5 or .keras file or a SavedModel folder of tf_keras 2, ending in logits.

    A final softmax is taken off: scores are made from logits by the contract.
    Raises BadModel where the file is no such model, holds code (Lambda layers), or does not fit `shape` and `classes`.
    """
    config = _config_text(path)
    if '"Lambda"' in config:
        raise BadModel(
            f"{path}: holds a Lambda layer, which is code; rebuild it from ordinary layers and save it again"
        )
    try:
        loaded = keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadModel(f"{path}: tf_keras cannot load it ({error}); {_EXPECTED}") from None
    if not isinstance(loaded, keras.Model) or not hasattr(loaded, "input_shape"):
        raise BadModel(f"{path}: not a Keras model with layers; {_EXPECTED}")
    core = _ending_in_logits(loaded)
    if core.input_shape[1:] != shape and any(core.input_shape[1:]):
        raise BadModel(
            f"{path}: takes input {core.input_shape[1:]}, the recipe gives {shape}; "
            "set data.image_size and data.colour to fit"
        )
    if core.output_shape[1:] != (classes,):
        raise BadModel(
            f"{path}: gives output {core.output_shape[1:]}, the data have {classes} classes; "
            "use the data that it was trained on, or replace its last layer"
        )
    return core


def load_backbone_weights(core: keras.Model, name: str, pretrained: str, width: float) -> None:
    """Fill the backbone of one of our architectures from a weights file without top, or "imagenet".

    Raises BadModel where the weights do not fit.
    """
    backbone = keras.Model(core.input, core.get_layer(BACKBONE_END).input)
    shape = core.input_shape[1:]
    try:
        if pretrained == "imagenet":
            backbone.set_weights(models.mobilenet.imagenet_backbone(name, shape, width).get_weights())
        else:
            backbone.load_weights(pretrained)
    except (OSError, ValueError) as error:
        raise BadModel(
            f"model.pretrained = {pretrained!r}: does not fit {name} at width {width:g} ({error}); "
            "expected weights of its backbone (no top) in .h5 form"
        ) from None
    if not all(np.isfinite(weight).all() for weight in backbone.get_weights()):
        raise BadModel(f"model.pretrained = {pretrained!r}: holds numbers that are not finite; get the file again")


_EXPECTED = "expected a .h5 or .keras file or a SavedModel folder of tf_keras 2"


def _config_text(path: Path) -> str:
    """The layers' description as text, read without building anything."""
    if path.is_dir():
        metadata = path / "keras_metadata.pb"
        if not metadata.exists():
            raise BadModel(f"{path}: a folder without keras_metadata.pb; {_EXPECTED}")
        return metadata.read_bytes().decode("latin-1")
    if not path.exists():
        raise BadModel(f"{path}: not there; in a recipe model.file is relative to its folder, with --set to this one")
    if zipfile.is_zipfile(path):
        return _keras_archive(path)
    if not h5py.is_hdf5(path):
        raise BadModel(f"{path}: neither HDF5 nor a .keras archive; {_EXPECTED}")
    try:
        with h5py.File(path) as file:
            if "model_config" not in file.attrs:
                raise BadModel(
                    f"{path}: holds weights alone; name the architecture with model.name and model.pretrained"
                )
            _refuse_keras_3(path, file.attrs.get("keras_version", ""))
            return str(file.attrs["model_config"])
    except (OSError, RuntimeError) as error:
        raise BadModel(f"{path}: a damaged HDF5 file ({error}); {_EXPECTED}") from None


def _keras_archive(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_keras_3(path, json.loads(archive.read("metadata.json")).get("keras_version", ""))
            return archive.read("config.json").decode()
    except (KeyError, json.JSONDecodeError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise BadModel(f"{path}: a zip archive but no .keras model ({error}); {_EXPECTED}") from None


def _refuse_keras_3(path: Path, version: Any) -> None:
    if str(version).startswith("3"):
        raise BadModel(
            f"{path}: written by Keras {version}; quantization-aware training needs tf_keras 2: load it there "
            "(TF_USE_LEGACY_KERAS=1), rebuild the layers, set_weights, and save as .h5"
        )


def _ending_in_logits(model: keras.Model) -> keras.Model:
    """A functional copy named "core" whose last layer has no softmax."""
    last = model.layers[-1]
    softmax = isinstance(last, keras.layers.Softmax) or (
        isinstance(last, keras.layers.Activation) and last.activation is keras.activations.softmax
    )
    output = last.input if softmax else model.output
    if getattr(last, "activation", None) is keras.activations.softmax and not softmax:
        last.activation = keras.activations.linear
    bare = keras.Model(model.input, output, name="core")
    core = keras.models.clone_model(bare)
    core.set_weights(bare.get_weights())
    return core
