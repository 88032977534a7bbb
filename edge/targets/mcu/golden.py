"""Golden vectors for the board: pictures from a seed, and what TFLite Micro on the host answers to them."""

import numpy as np
from numpy.typing import NDArray

from edge.device.runtimes import Runtime
from edge.targets.mcu.project import GoldenVectors
from edge.tflite import Graph

SEED = 20
MOST = 4
FLASH_BYTES = 64 << 10  # of pictures; one is taken in any case


def golden_vectors(runtime: Runtime, graph: Graph) -> GoldenVectors:
    """A few pictures of the size of the input of `graph`, with the scores of `runtime`, which runs that model.

    The tolerance is one code of an integer output, a thousandth of the range of a float one: other kernels may round
    once more.
    """
    _, height, width, channels = graph.input.shape
    count = max(1, min(MOST, FLASH_BYTES // (height * width * channels)))
    inputs = pictures(count, (height, width, channels))
    scores = runtime.run(inputs)
    if graph.output.scales:
        return GoldenVectors(inputs=inputs, scores=scores, tolerance=graph.output.scales[0], words="one code")
    span = float(np.abs(scores).max()) or 1.0
    return GoldenVectors(
        inputs=inputs, scores=scores, tolerance=span / 1000, words="a thousandth of the greatest score"
    )


def pictures(count: int, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Blocks of colour with noise over them, uint8 [count, h, w, c]: flat parts, edges and every byte value."""
    random = np.random.default_rng(SEED)
    height, width, channels = shape
    block = max(1, -(-max(height, width) // 4))
    blocks = random.integers(0, 256, (count, 4, 4, channels)).repeat(block, 1).repeat(block, 2)[:, :height, :width]
    return np.clip(blocks + random.normal(0, 20, blocks.shape), 0, 255).astype(np.uint8)
