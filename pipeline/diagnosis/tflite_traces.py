"""TFLite files with their layers exposed, in LiteRT and TFLite Micro."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import Layout
from edge.device.runtimes import missing
from edge.simulators.tflite_micro import ARENA_BYTES
from edge.tflite import Graph, parse_graph
from pipeline.diagnosis.tflite_exposure import exposed_tflite, read_layers, severed_tflite
from pipeline.diagnosis.tflite_layers import codes_of, tflite_layers
from pipeline.diagnosis.traces import Answers, Array, real
from pipeline.isolate import Child
from pipeline.quiet import silent_stderr


class LiteRT:
    """One picture at a time, one thread, as the proof runs it."""

    def __init__(self, file: Path, layout: Layout = "NHWC", *, reference: bool = False) -> None:
        graph, content = _read(file)
        self.layers = tflite_layers(graph)
        self._layout = layout
        self._input, self._output, self._codes = graph.inputs[0], graph.outputs[0], codes_of(graph.output)
        self._interpreter = _interpreter(exposed_tflite(content, self.layers), reference=reference)

    def run(self, picture: NDArray[np.uint8]) -> Answers:
        interpreter = self._interpreter
        interpreter.set_tensor(self._input, in_layout(picture, self._layout))
        interpreter.invoke()
        return Answers(
            layers=tuple(interpreter.get_tensor(layer.tensor) for layer in self.layers),
            logits=real(interpreter.get_tensor(self._output)[0], self._codes),
        )


class TfliteMicro:
    """One picture at a time, in `child`: a model may crash TFLite Micro, which then takes no more than that with it.
    Without a child it runs in this process.

    `run` raises ConversionFailed where it crashes or refuses the model.
    """

    def __init__(self, file: Path, layout: Layout = "NHWC", *, child: Child | None = None) -> None:
        graph, content = _read(file)
        self.layers = tflite_layers(graph)
        self._layout, self._child = layout, child
        self._exposed = exposed_tflite(content, self.layers)
        self._place = {tensor: at for at, tensor in enumerate(parse_graph(self._exposed, str(file)).outputs)}
        self._codes = codes_of(graph.output)

    def run(self, picture: NDArray[np.uint8]) -> Answers:
        batch = in_layout(picture, self._layout)
        asked = (self._exposed, len(self._place), batch)
        outputs = self._child.call(micro_outputs, *asked) if self._child else micro_outputs(*asked)
        # What is no output is the input itself.
        answers = (
            outputs[self._place[layer.tensor]] if layer.tensor in self._place else batch for layer in self.layers
        )
        return Answers(layers=tuple(answers), logits=real(outputs[0][0], self._codes))


def micro_outputs(content: bytes, count: int, batch: NDArray[np.uint8]) -> list[Array]:
    """The `count` outputs of the TFLite model `content` in TFLite Micro, to a batch of one picture.

    Raises Unavailable where the package is missing.
    """
    interpreter = _micro_interpreter(content)
    interpreter.reset()  # a recurrent layer remembers nothing of the picture before
    interpreter.set_input(batch, 0)
    interpreter.invoke()
    return [np.array(interpreter.get_output(at)) for at in range(count)]


@lru_cache(maxsize=1)
def _micro_interpreter(content: bytes) -> Any:
    try:
        from tflite_micro import runtime
    except ImportError:
        raise missing("tflite-micro") from None

    return runtime.Interpreter.from_bytes(content, arena_size=ARENA_BYTES)


class Severed:
    """A TFLite file in LiteRT, each of whose layers answers on inputs that are given to it alone."""

    def __init__(self, file: Path, *, reference: bool = False) -> None:
        graph, content = _read(file)
        self.layers = tflite_layers(graph)
        self._interpreter = _interpreter(severed_tflite(content, self.layers), reference=reference)
        self._given = {layer.number: len(graph.tensors) + at for at, layer in enumerate(read_layers(self.layers))}

    def run(self, given: Mapping[int, Array]) -> tuple[Array, ...]:
        """Each layer's answer by its number. `given`: for each layer that another reads, what that one shall read, of
        its answer's shape and dtype."""
        interpreter = self._interpreter
        for number, index in self._given.items():
            interpreter.set_tensor(index, given[number])
        interpreter.invoke()
        return tuple(interpreter.get_tensor(layer.tensor) for layer in self.layers)


def in_layout(picture: NDArray[np.uint8], layout: Layout) -> NDArray[np.uint8]:
    """A batch of one picture, uint8 [h, w, c], in the order of axes that the file takes."""
    return np.ascontiguousarray(picture[np.newaxis] if layout == "NHWC" else picture.transpose(2, 0, 1)[np.newaxis])


def _read(file: Path) -> tuple[Graph, bytes]:
    content = file.read_bytes()
    return parse_graph(content, str(file)), content


def _interpreter(content: bytes, *, reference: bool) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
    with silent_stderr():
        interpreter = Interpreter(model_content=content, experimental_op_resolver_type=kernels, num_threads=1)
        interpreter.allocate_tensors()
    return interpreter
