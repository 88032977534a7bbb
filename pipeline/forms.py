"""The forms of one trained model: a TFLite file for each precision, from which every target's artefact is derived."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.target import Precision
from pipeline.quantization.selective import SelectivePath, selective_path
from pipeline.recipe import Model


def input_quantization(model: Model) -> tuple[float, int]:
    """Scale and zero point of the input in bytes: what the network computes with is `scale * (byte - zero_point)`.

    `byte * input_scale + input_offset` has its zero between two bytes where offset / scale is no whole number; the
    nearest byte is taken then.
    """
    return model.input_scale, min(255, max(0, round(-model.input_offset / model.input_scale)))


def load_network(model: Path) -> Any:
    """The core network inside the train stage's model.keras."""
    import tf_keras as keras

    from models.pixels import core_of

    return core_of(keras.models.load_model(model, compile=False))


def make_form(
    model: Path,
    precision: Precision,
    scale: float,
    zero_point: int,
    calibration: NDArray[np.uint8] | None,
    aware_weights: Path | None,
    allow_float_layers: bool,
) -> bytes:
    """A TFLite file of `model`, the train stage's model.keras, in `precision`; made for `isolate.Child.call`.

    `calibration` uint8 [n, h, w, c] is for "int8-ptq" and "int16x8", `aware_weights` (qat.h5) for "int8-qat".
    Raises ConversionFailed, BadModel.
    """
    from pipeline.quantization.aware import quantization_aware
    from pipeline.quantization.convert import to_tflite

    network = load_network(model)
    if aware_weights is not None:
        network = quantization_aware(network, scale, zero_point, allow_float_layers=allow_float_layers)
        network.load_weights(aware_weights)
    return to_tflite(
        network,
        precision,
        input_scale=scale,
        input_zero_point=zero_point,
        calibration=calibration,
        allow_float_layers=allow_float_layers,
    )


def make_selective_path(model: Path, scale: float, zero_point: int, calibration: NDArray[np.uint8]) -> SelectivePath:
    """The layers of `model`, as of `make_form`, ranked by what int8 does to them, and its files in "int8-selective".

    Raises ConversionFailed, BadData.
    """
    network = load_network(model)
    return selective_path(network, input_scale=scale, input_zero_point=zero_point, calibration=calibration)


def make_saved_model(model: Path, scale: float, zero_point: int, folder: Path) -> None:
    """Write the SavedModel of `model`, as of `make_form`, in "bfloat16" into `folder`.

    Raises ConversionFailed.
    """
    from pipeline.quantization.bfloat16 import write_saved_model

    write_saved_model(load_network(model), folder, input_scale=scale, input_zero_point=zero_point)
