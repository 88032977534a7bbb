"""Keras network to TFLite: one file with raw bytes in, for every precision."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import ConversionFailed
from edge.target import Precision
from edge.tflite import Graph, parse_graph
from pipeline.quantization.calibration import Input, Samples, samples
from pipeline.quantization.raw_bytes import take_bytes

Result = TypeVar("Result")

INTEGERS = ("INT8", "UINT8", "INT16", "INT32", "INT64", "BOOL")  # INT32 and INT64: biases, shapes, paddings


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
    channel in convolutions and per tensor in Dense layers (the Edge TPU's compiler reads no other). int16x8: int16
    activations and int8 weights, float32 logits out. float16 (weights only) and float32: float32 logits out.
    `calibration`, uint8 [n, h, w, c] from the training split, is needed by "int8-ptq" and "int16x8". ("int8-selective"
    is `pipeline.quantization.selective`'s.)

    Raises BadData where the calibration pictures are missing or of another shape, ConversionFailed where the converter
    refuses the network, leaves an operator in float (unless `allow_float_layers`), or changes the input's scale.
    """
    source = Input(shape=(1, *core.input_shape[1:]), scale=input_scale, zero_point=input_zero_point)
    if precision == "int8-ptq":
        content = _convert_int8(core, source, samples(source, calibration, precision))
    elif precision == "int8-qat":
        content = _convert_int8(core, source, None)
    elif precision == "int16x8":
        content = _convert_int16x8(core, source, samples(source, calibration, precision))
    elif precision in ("float16", "float32"):
        return _convert_float(core, source, half=precision == "float16")
    else:
        raise ConversionFailed(
            f"{precision}: no precision of a TFLite file made here; see pipeline.forms for the others"
        )
    graph = parse_graph(content, core.name)
    if not allow_float_layers:
        require_integers(graph)
    _require_input(graph, source)
    return content


def require_integers(graph: Graph) -> None:
    """Raise ConversionFailed naming each operator of `graph` that computes in anything but integers.

    A DEQUANTIZE that makes real scores of the last codes is none.
    """
    floats = [
        f"{operator} ({tensor.dtype})"
        for operator in graph.operators
        if (operator.name, operator.outputs) != ("DEQUANTIZE", graph.outputs)
        for tensor in graph.activations(operator)
        if tensor.dtype not in INTEGERS
    ]
    if floats:
        raise ConversionFailed(
            f"not all in integers: {', '.join(dict.fromkeys(floats))}; every operator must compute in integers: use "
            "layers that have integer kernels in TFLite"
        )


def _convert_int8(core: Any, source: Input, calibration: Samples | None) -> bytes:
    import tensorflow as tf

    converter = converter_of(core, source)
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.uint8
    if calibration is not None:
        converter.representative_dataset = calibration
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return bytes(run_converter(converter.convert, core.name))


def _convert_int16x8(core: Any, source: Input, calibration: Samples) -> bytes:
    """https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/post_training_integer_quant_16x8"""
    import tensorflow as tf

    converter = converter_of(core, source)
    converter.inference_input_type = tf.int16  # uint8 is not to be had here
    converter.representative_dataset = calibration
    converter.target_spec.supported_ops = [tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
    return take_bytes(run_converter(converter.convert, core.name), source.scale, source.zero_point)


def converter_of(core: Any, source: Input) -> Any:
    """TensorFlow's converter for `core` with quantization switched on; real numbers in, its types still to be set."""
    import tensorflow as tf

    function = tf.function(lambda image: core(image, training=False))
    converter = _converter(function, core, tf.TensorSpec(source.shape, tf.float32, name="image"))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return converter


def _convert_float(core: Any, source: Input, *, half: bool) -> bytes:
    import tensorflow as tf

    def from_bytes(image: Any) -> Any:
        centred = tf.cast(image, tf.float32) - float(source.zero_point)
        return core(centred * np.float32(source.scale), training=False)

    converter = _converter(tf.function(from_bytes), core, tf.TensorSpec(source.shape, tf.uint8, name="image"))
    if half:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    return bytes(run_converter(converter.convert, core.name))


def _converter(function: Any, core: Any, specification: Any) -> Any:
    import tensorflow as tf

    # A batch of one, always: a dynamic batch leaves SHAPE and PACK operators, which the Edge TPU refuses.
    return tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function(specification)], core)


def run_converter(convert: Callable[[], Result], name: str) -> Result:
    """`convert()`, a step of TensorFlow's converter.

    Raises ConversionFailed where it refuses the network called `name`.
    """
    from tensorflow.lite.python.convert_phase import ConverterError

    try:
        return convert()
    except (ConverterError, ValueError, RuntimeError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ConversionFailed(f"{name}: TensorFlow's converter refused this network: {lines[0]}") from error


def _require_input(graph: Graph, source: Input) -> None:
    found = graph.input
    exact = found.scales and np.isclose(found.scales[0], source.scale, rtol=1e-6, atol=0)
    if found.dtype != "UINT8" or not exact or found.zero_points != (source.zero_point,):
        raise ConversionFailed(
            f"the converter made the input {found.dtype} of scale {found.scales} and zero point {found.zero_points}; "
            f"expected UINT8 of {source.scale} and {source.zero_point}: let the calibration set span the bytes 0 to 255"
        )
