"""RAM and flash that a TFLite graph takes on a microcontroller, beyond what can be measured on the host."""

from dataclasses import dataclass
from math import prod

from edge.targets.mcu.kernels import known_kernels
from edge.tflite import Graph, Operator, Tensor

ELEMENT_BYTES = {"INT64": 8, "FLOAT64": 8, "FLOAT32": 4, "INT32": 4, "UINT32": 4, "FLOAT16": 2, "INT16": 2, "UINT16": 2}
KIB = 1024
GLUE_BYTES = 4 * KIB  # edgewise_model.cpp, its tables and what the linker adds around them


@dataclass(frozen=True, kw_only=True)
class Memory:
    """`arena`: measured on the host; `scratch`: what the faster kernels of `library` may ask for; all in bytes."""

    arena: int
    scratch: int
    library: str
    flash: int

    @property
    def arena_with_margin(self) -> int:
        """Arena and scratch, up to a whole KiB."""
        return -(-(self.arena + self.scratch) // KIB) * KIB


def flash_bytes(graph: Graph, model_bytes: int) -> int:
    """An estimate: the model, TFLite Micro's interpreter, each kernel once, and the glue.

    The code is counted in a build for x86-64 (see kernels.toml); the C++ library of the board and the application are
    not in it.
    """
    kernels = known_kernels()
    used = {operator.name for operator in graph.operators}
    code = sum(kernel.code_bytes for name, kernel in kernels.by_name.items() if name in used)
    return model_bytes + kernels.runtime_bytes + code + GLUE_BYTES


def live_bytes(graph: Graph) -> int:
    """The most bytes of activations that are alive at once: a lower bound of the arena, without TFLite Micro's tables.

    An activation lives from the operator that writes it, or the start, to the last that reads it, or the end.
    """
    end = len(graph.operators)
    births = dict.fromkeys(graph.inputs, -1)
    deaths = dict.fromkeys(graph.outputs, end)
    for operator in graph.operators:
        for index in operator.outputs:
            births.setdefault(index, operator.index)
        for index in operator.inputs:
            deaths[index] = max(deaths.get(index, -1), operator.index)
    alive = [0] * (end + 1)
    for index, birth in births.items():
        if not graph.tensors[index].constant:
            for at in range(max(birth, 0), deaths.get(index, birth) + 1):
                alive[at] += _bytes(graph.tensors[index])
    return max(alive)


def scratch_bytes(graph: Graph, library: str) -> int:
    """An upper bound of the memory that the `library` of faster kernels ("cmsis-nn", "esp-nn") asks for besides.

    The host measures the arena with the reference kernels, which need none. Buffers of different operators share their
    place, so the greatest counts. Sources: CMSIS-NN's arm_*_get_buffer_sizes_s8.c (DSP and MVE, whichever is more),
    ESP-NN's esp_nn_get_conv_scratch_size_esp32s3.
    """
    of = _esp_nn if library == "esp-nn" else _cmsis_nn
    return max((of(graph, operator) for operator in graph.operators), default=0)


def _cmsis_nn(graph: Graph, operator: Operator) -> int:
    shapes = _shapes(graph, operator)
    if operator.name in ("CONV_2D", "TRANSPOSE_CONV") and _is_weights(shapes):
        return 4 * _ceil(prod(shapes[1][1:]), 16)
    if operator.name == "DEPTHWISE_CONV_2D" and _is_weights(shapes):
        _, height, width, channels = shapes[1]
        return height * width * max(2 * channels, 4 * 124)  # 124: CH_IN_BLOCK_MVE
    if operator.name in ("FULLY_CONNECTED", "AVERAGE_POOL_2D"):
        return 4 * prod(_shapes(graph, operator, results=True)[0][-1:])
    return 0


def _esp_nn(graph: Graph, operator: Operator) -> int:
    shapes = _shapes(graph, operator)
    if operator.name not in ("CONV_2D", "DEPTHWISE_CONV_2D") or not _is_weights(shapes) or len(shapes[0]) != 4:
        return 0
    (_, rows, columns, depth), (count, height, width, channels) = shapes[:2]
    if operator.name == "CONV_2D" and height == width == 1:
        panel = 16 * KIB if channels * count > 24 * KIB else 8 * count
        return 24 * channels + panel + 64
    padded_input = (rows + height - 1) * (columns + width - 1) * depth
    outputs = count if operator.name == "CONV_2D" else channels
    return padded_input + count * height * _ceil(width * channels, 16) + 4 * outputs + 64


def _shapes(graph: Graph, operator: Operator, *, results: bool = False) -> list[tuple[int, ...]]:
    indices = operator.outputs if results else operator.inputs
    return [graph.tensors[index].shape for index in indices if index >= 0] or [(0,)]


def _is_weights(shapes: list[tuple[int, ...]]) -> bool:
    return len(shapes) > 1 and len(shapes[1]) == 4


def _bytes(tensor: Tensor) -> int:
    return prod(max(length, 1) for length in tensor.shape) * ELEMENT_BYTES.get(tensor.dtype, 1)


def _ceil(value: int, step: int) -> int:
    return -(-value // step) * step
