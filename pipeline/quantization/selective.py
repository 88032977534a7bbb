"""Selective precision: int8 after training, but for the layers that quantization damages most, which stay float.

Source: "Inspecting Quantization Errors with Quantization Debugger",
https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_debugger
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import ConversionFailed
from edge.tflite import Graph, parse_graph
from pipeline.quantization.calibration import Input, samples
from pipeline.quantization.convert import converter_of, run_converter
from pipeline.quantization.raw_bytes import take_bytes

# Each of these is left float alone to see what that does to the logits; of more layers, the ones of the largest error.
MOST_TRIED = 24
# Pictures that the logits are compared on.
MOST_PICTURES = 64


@dataclass(frozen=True, kw_only=True)
class LayerDamage:
    """What quantization does to one layer.

    `name` is its output tensor's in the converter. `error`: root mean square of float less int8 given exact inputs, in
    steps of the output's scale; 0.29 (1/sqrt(12)) is what rounding alone costs. `relief`: the share of the whole
    network's logit error (root mean square, int8 less float) that goes where this layer alone stays float; negative
    where it grows, None where that was not tried.
    """

    name: str
    operator: str  # e.g. "CONV_2D"
    error: float
    relief: float | None


@dataclass(frozen=True, kw_only=True)
class Selection:
    """A TFLite file, uint8 [1, h, w, c] in and float32 logits out, in int8 but for the layers `left_float`."""

    left_float: tuple[str, ...]
    content: bytes


@dataclass(frozen=True, kw_only=True)
class SelectivePath:
    """The layers that quantize, the most damaged first, and files with more and more of them left float."""

    layers: tuple[LayerDamage, ...]
    selections: tuple[Selection, ...]


def selective_path(
    core: Any, *, input_scale: float, input_zero_point: int, calibration: NDArray[np.uint8] | None
) -> SelectivePath:
    """Rank the layers of `core` by damage, and leave the worst 1, 2, 4, ... of them float, up to half of them.

    Arguments as of `to_tflite`. The network is calibrated once. Layers are ranked by their relief, those without one
    by their error.
    Raises BadData where the calibration pictures do not fit, ConversionFailed where the converter refuses the network.
    """
    source = Input(shape=(1, *core.input_shape[1:]), scale=input_scale, zero_point=input_zero_point)
    converter = _Converter(core, source, calibration)
    layers = converter.ranked()
    selections = []
    for count in counts(len(layers)):
        names = tuple(layer.name for layer in layers[:count])
        content = converter.convert(names)
        _require_float(parse_graph(content, core.name), names)
        content = take_bytes(content, input_scale, input_zero_point)
        selections.append(Selection(left_float=names, content=content))
    return SelectivePath(layers=layers, selections=tuple(selections))


def counts(layers: int) -> tuple[int, ...]:
    """How many of `layers` are left float, selection after selection: 1, 2, 4, ... and half of them."""
    most = layers // 2
    doubled = (2**power for power in range(most.bit_length()) if 2**power < most)
    return (*doubled, most) if most else ()


class _Converter:
    """TensorFlow's converter with a network that is calibrated; each conversion costs little then."""

    def __init__(self, core: Any, source: Input, calibration: NDArray[np.uint8] | None) -> None:
        import tensorflow as tf

        pictures = samples(source, calibration, "int8-selective")
        converter = converter_of(core, source)
        converter.representative_dataset = pictures
        self._core = core
        self._pictures = np.concatenate([batch for (batch,) in islice(pictures(), MOST_PICTURES)])
        self._options = tf.lite.experimental.QuantizationDebugOptions
        self._debugger = run_converter(
            lambda: tf.lite.experimental.QuantizationDebugger(
                converter=converter, debug_dataset=pictures, debug_options=self._options()
            ),
            core.name,
        )

    def convert(self, left_float: tuple[str, ...]) -> bytes:
        """The network in int8 but for the layers called `left_float`; real numbers in, float32 logits out."""

        def convert() -> bytes:
            self._debugger.options = self._options(denylisted_nodes=list(left_float))
            return bytes(self._debugger.get_nondebug_quantized_model())

        return run_converter(convert, self._core.name)

    def ranked(self) -> tuple[LayerDamage, ...]:
        """The layers that quantize, the most damaged first."""
        layers = sorted(self._errors(), key=lambda each: each.error, reverse=True)
        tried, others = layers[:MOST_TRIED], layers[MOST_TRIED:]
        expected = self._core(self._pictures, training=False).numpy()

        def loss(left_float: tuple[str, ...]) -> float:
            found = _logits(self.convert(left_float), self._pictures)
            return float(np.sqrt(np.mean(np.square(found - expected, dtype=np.float64))))

        whole = loss(())
        if not whole > 0:  # nothing to relieve
            return tuple(layers)
        reliefs = [1 - loss((layer.name,)) / whole for layer in tried]
        ranked = sorted(zip(reliefs, tried, strict=True), key=lambda each: each[0], reverse=True)
        return (*(replace(layer, relief=relief) for relief, layer in ranked), *others)

    def _errors(self) -> Iterator[LayerDamage]:
        self._debugger.run()
        table = io.StringIO()
        self._debugger.layer_statistics_dump(table)
        table.seek(0)
        for row in csv.DictReader(table):
            error = float(np.sqrt(float(row["mean_squared_error"])) / float(row["scale"]))
            yield LayerDamage(name=row["tensor_name"], operator=row["op_name"], error=error, relief=None)


def _logits(content: bytes, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a TFLite model with real numbers in answers on float32 [n, h, w, c]: float32 [n, classes]."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (given,), (answer,) = interpreter.get_input_details(), interpreter.get_output_details()
    logits = []
    for picture in pictures:
        interpreter.set_tensor(given["index"], picture[np.newaxis])
        interpreter.invoke()
        logits.append(interpreter.get_tensor(answer["index"])[0])
    return np.array(logits)


def _require_float(graph: Graph, names: tuple[str, ...]) -> None:
    """The converter passes over names that it does not know."""
    floats = {
        graph.tensors[operator.outputs[0]].name
        for operator in graph.operators
        if operator.name != "DEQUANTIZE" and graph.tensors[operator.outputs[0]].dtype == "FLOAT32"
    }
    if strangers := [name for name in names if name not in floats]:
        raise ConversionFailed(
            f"the converter left no layer called {', '.join(strangers)} in float, though it named them itself; take "
            "another precision"
        )
