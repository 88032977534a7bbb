"""TFLite Micro on the host: the interpreter and the reference kernels that microcontrollers compile in.

Its answers are those of a board with the reference kernels. LiteRT's reference kernels agree but for a code now and
then: they scale a dense layer's sum in float64, TFLite Micro in fixed point.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import Layout
from edge.device.errors import BadArtifact, BadModel, Unavailable
from edge.device.runtimes import Runtime
from edge.tflite import read_graph

ARENA_BYTES = 256 << 20  # pages that are never touched take no memory


class _TfliteMicro:
    """A TFLite file of batch one."""

    def __init__(self, interpreter: Any, layout: Layout) -> None:
        self._interpreter = interpreter
        self._layout = layout
        details = interpreter.get_output_details(0)
        quantization = details["quantization_parameters"]
        self._labels = int(details["shape"][-1])
        # Without a scale the scores are real ones already.
        self._scale = np.float32(quantization["scales"][0] if len(quantization["scales"]) else 1.0)
        self._zero_point = np.float32(quantization["zero_points"][0] if len(quantization["zero_points"]) else 0.0)

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        pictures = batch if self._layout == "NHWC" else np.ascontiguousarray(batch.transpose(0, 3, 1, 2))
        scores = np.empty((len(batch), self._labels), np.float32)
        for index in range(len(pictures)):
            self._interpreter.reset()  # a recurrent layer remembers nothing of the picture before
            self._interpreter.set_input(pictures[index : index + 1], 0)
            self._interpreter.invoke()
            scores[index] = self._interpreter.get_output(0)[0]
        return self._scale * (scores - self._zero_point)


def open_tflite_micro(file: Path, layout: Layout, threads: int) -> Runtime:  # noqa: ARG001 - it has one thread only
    """Load the TFLite model `file`, ready to run.

    Raises BadArtifact where the file is no TFLite model or TFLite Micro refuses it, Unavailable where its package is
    missing. A model that crashes TFLite Micro crashes this process: `edge.simulators.arena` asks it in another one.
    """
    try:
        from tflite_micro import runtime
    except ImportError:
        raise Unavailable("the package tflite-micro is missing; pip install --pre tflite-micro") from None

    try:
        read_graph(file)
    except BadModel as error:
        raise BadArtifact(str(error)) from None
    try:
        return _TfliteMicro(runtime.Interpreter.from_file(str(file), arena_size=ARENA_BYTES), layout)
    except (RuntimeError, ValueError) as error:
        raise BadArtifact(f"{file}: TFLite Micro does not run this model ({error}); export it again") from error
