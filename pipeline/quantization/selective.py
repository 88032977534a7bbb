"""Selective precision: int8 after training, but for the layers that quantization damages most, which stay float.

Source: "Inspecting Quantization Errors with Quantization Debugger",
https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_debugger
"""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import ConversionFailed
from edge.tflite import Graph, parse_graph
from pipeline.evaluation import ROUNDING
from pipeline.quantization.calibration import Input, samples
from pipeline.quantization.convert import converter_of, run_converter
from pipeline.quantization.raw_bytes import take_bytes


@dataclass(frozen=True, kw_only=True)
class LayerError:
    """What quantization does to one layer, given exact inputs.

    `name` is its output tensor's in the converter. `error`: root mean square of float less int8, in steps of the
    output's scale; 0.29 (1/sqrt(12)) is what rounding alone costs.
    """

    name: str
    operator: str  # e.g. "CONV_2D"
    error: float


@dataclass(frozen=True, kw_only=True)
class Selection:
    """An int8 TFLite file, the layers left float in it, and its loss of top-1 against the float network."""

    content: bytes
    left_float: tuple[str, ...]
    drop: float


def rank_layers(
    core: Any, *, input_scale: float, input_zero_point: int, calibration: NDArray[np.uint8] | None
) -> tuple[LayerError, ...]:
    """The layers of `core` that quantize, the most damaged first; arguments as of `to_tflite`.

    Raises BadData where the calibration pictures do not fit, ConversionFailed where the converter refuses the network.
    """
    debugger = _debugger(core, input_scale, input_zero_point, calibration, ())
    debugger.run()
    table = io.StringIO()
    debugger.layer_statistics_dump(table)
    table.seek(0)
    errors = (
        LayerError(
            name=row["tensor_name"],
            operator=row["op_name"],
            error=float(np.sqrt(float(row["mean_squared_error"])) / float(row["scale"])),
        )
        for row in csv.DictReader(table)
    )
    return tuple(sorted(errors, key=lambda each: each.error, reverse=True))


def selective_int8(
    core: Any,
    *,
    input_scale: float,
    input_zero_point: int,
    calibration: NDArray[np.uint8] | None,
    left_float: tuple[str, ...],
) -> bytes:
    """A TFLite model of `core` in int8 but for the layers called `left_float`; uint8 [1, h, w, c] in, float32 logits
    out; arguments as of `to_tflite`.

    Raises as `rank_layers`.
    """
    debugger = _debugger(core, input_scale, input_zero_point, calibration, left_float)
    content = bytes(run_converter(debugger.get_nondebug_quantized_model, core.name))
    _require_float(parse_graph(content, core.name), left_float)
    return take_bytes(content, input_scale, input_zero_point)


def fewest_float_layers(
    layers: tuple[LayerError, ...],
    convert: Callable[[tuple[str, ...]], bytes],
    evaluate: Callable[[bytes], float],
    budget: float,
) -> Selection:
    """Leave the worst 1, 2, 4, ... of the ranked `layers` float, up to half of them, until the loss is within `budget`.

    `convert` makes the TFLite file of the names left float; `evaluate` gives its loss of top-1 on validation, a share.
    Raises ConversionFailed with each count's loss where none holds.
    """
    tried = []
    for count in _counts(len(layers) // 2):
        names = tuple(layer.name for layer in layers[:count])
        content = convert(names)
        drop = evaluate(content)
        if drop <= budget + ROUNDING:
            return Selection(content=content, left_float=names, drop=drop)
        tried.append(f"{100 * drop:.2f} points with {count}")
    raise ConversionFailed(
        f"no selection of float layers holds: of {len(layers)} layers, it loses {', '.join(tried) or 'nothing tried'} "
        f"left float; {100 * budget:.2f} are allowed"
    )


def _require_float(graph: Graph, names: tuple[str, ...]) -> None:
    """The converter passes over names that it does not know."""
    floats = {
        graph.tensors[operator.outputs[0]].name
        for operator in graph.operators
        if operator.name != "DEQUANTIZE" and graph.tensors[operator.outputs[0]].dtype == "FLOAT32"
    }
    if strangers := [name for name in names if name not in floats]:
        raise ConversionFailed(
            f"the converter left no layer called {', '.join(strangers)} in float; take names from rank_layers of this "
            "network"
        )


def _counts(most: int) -> list[int]:
    """1, 2, 4, ... and `most` itself."""
    doubled = [2**power for power in range(most.bit_length()) if 2**power < most]
    return [*doubled, most] if most else []


def _debugger(
    core: Any,
    input_scale: float,
    input_zero_point: int,
    calibration: NDArray[np.uint8] | None,
    left_float: tuple[str, ...],
) -> Any:
    import tensorflow as tf

    source = Input(shape=(1, *core.input_shape[1:]), scale=input_scale, zero_point=input_zero_point)
    pictures = samples(source, calibration, "int8-selective")
    converter = converter_of(core, source)
    converter.representative_dataset = pictures
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_nodes=list(left_float))

    def make() -> Any:
        return tf.lite.experimental.QuantizationDebugger(
            converter=converter, debug_dataset=pictures, debug_options=options
        )

    return run_converter(make, core.name)
