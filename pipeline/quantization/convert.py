"""Keras network to TFLite: one file with raw bytes in, for every precision."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import BadData, ConversionFailed
from edge.target import Precision
from edge.tflite import Graph, parse_graph

INTEGERS = ("INT8", "UINT8", "INT32", "INT64", "BOOL")  # INT32 and INT64: biases, shapes, paddings


@dataclass(frozen=True, kw_only=True)
class _Input:
    """The number that the network computes with is `scale * (byte - zero_point)`."""

    shape: tuple[int, ...]  # 1, height, width, channels
    scale: float
    zero_point: int

    def real(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.float32(self.scale) * (codes.astype(np.float32) - np.float32(self.zero_point))


def to_tflite(
    core: Any,
    precision: Precision,
    *,
    input_scale: float,
    input_zero_point: int,
    calibration: NDArray[np.uint8] | None = None,
    allow_float_layers: bool = False,
) -> bytes:
    """A TFLite model of `core` for one picture at a time: uint8 [1, h, w, c] in, logits [1, labels] out.

    `core` is a tf_keras model of float32 that takes `input_scale * (byte - input_zero_point)`: the float network, or
    for "int8-qat" the one from `quantization_aware`. int8: uint8 codes out, every operator in integers, weights per
    channel in convolutions and per tensor in Dense layers (the Edge TPU's compiler reads no other). float16 (weights
    only) and float32: float32 logits out. `calibration`, uint8 [n, h, w, c], is needed by "int8-ptq" alone and comes
    from the training split.

    Raises BadData where the calibration pictures are missing or of another shape, ConversionFailed where the converter
    refuses the network, leaves an operator in float (unless `allow_float_layers`), or changes the input's scale.
    """
    shape = (1, *core.input_shape[1:])
    source = _Input(shape=shape, scale=input_scale, zero_point=input_zero_point)
    if precision == "int8-ptq":
        content = _convert_int8(core, source, spanning(_checked(calibration, shape)))
    elif precision == "int8-qat":
        content = _convert_int8(core, source, None)
    else:
        return _convert_float(core, source, half=precision == "float16")
    graph = parse_graph(content, core.name)
    if not allow_float_layers:
        require_integers(graph)
    _require_input(graph, source)
    return content


def spanning(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The calibration set with its codes reaching from 0 to 255, as the input's exact range needs.

    The converter takes the input's scale from the smallest and the largest value that it sees. Where a set does not
    reach an end of the range, one more picture is added: the first, with that one byte at its corner. A single byte
    moves no other range by more than a picture of the set could.
    """
    added = []
    for end in (0, 255):
        if not (pictures == end).any():
            corner = pictures[:1].copy()
            corner.flat[0] = end
            added.append(corner)
    return np.concatenate([pictures, *added])


def require_integers(graph: Graph) -> None:
    """Raise ConversionFailed naming each operator of `graph` that computes in anything but integers."""
    floats = [
        f"{operator} ({tensor.dtype})"
        for operator in graph.operators
        for tensor in graph.activations(operator)
        if tensor.dtype not in INTEGERS
    ]
    if floats:
        raise ConversionFailed(
            f"not full int8: {', '.join(dict.fromkeys(floats))}; every operator must compute in integers: use layers "
            "that have int8 kernels in TFLite"
        )


def _checked(calibration: NDArray[np.uint8] | None, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    if calibration is None or len(calibration) == 0:
        raise BadData("calibration: no pictures; int8-ptq needs some hundred of them from the training split")
    if calibration.dtype != np.uint8 or calibration.shape[1:] != shape[1:]:
        raise BadData(
            f"calibration: {calibration.dtype} {calibration.shape}; expected uint8 pictures of {shape[1:]} (raw bytes)"
        )
    return calibration


def _convert_int8(core: Any, source: _Input, calibration: NDArray[np.uint8] | None) -> bytes:
    import tensorflow as tf

    function = tf.function(lambda image: core(image, training=False))
    converter = _converter(function, core, tf.TensorSpec(source.shape, tf.float32, name="image"))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.uint8
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    if calibration is not None:
        converter.representative_dataset = lambda: _samples(source, calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return _run(converter, core.name)


def _samples(source: _Input, calibration: NDArray[np.uint8]) -> Iterator[list[NDArray[np.float32]]]:
    for picture in calibration:
        yield [source.real(picture[np.newaxis])]


def _convert_float(core: Any, source: _Input, *, half: bool) -> bytes:
    import tensorflow as tf

    def from_bytes(image: Any) -> Any:
        centred = tf.cast(image, tf.float32) - float(source.zero_point)
        return core(centred * np.float32(source.scale), training=False)

    converter = _converter(tf.function(from_bytes), core, tf.TensorSpec(source.shape, tf.uint8, name="image"))
    if half:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    return _run(converter, core.name)


def _converter(function: Any, core: Any, specification: Any) -> Any:
    import tensorflow as tf

    # A batch of one, always: a dynamic batch leaves SHAPE and PACK operators, which the Edge TPU refuses.
    return tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function(specification)], core)


def _run(converter: Any, name: str) -> bytes:
    from tensorflow.lite.python.convert_phase import ConverterError

    try:
        return bytes(converter.convert())
    except (ConverterError, ValueError, RuntimeError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ConversionFailed(f"{name}: TensorFlow's converter refused this network: {lines[0]}") from error


def _require_input(graph: Graph, source: _Input) -> None:
    found = graph.input
    exact = found.scales and np.isclose(found.scales[0], source.scale, rtol=1e-6, atol=0)
    if found.dtype != "UINT8" or not exact or found.zero_points != (source.zero_point,):
        raise ConversionFailed(
            f"the converter made the input {found.dtype} of scale {found.scales} and zero point {found.zero_points}; "
            f"expected UINT8 of {source.scale} and {source.zero_point}: let the calibration set span the bytes 0 to 255"
        )
