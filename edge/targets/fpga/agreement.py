"""The gate: numpy, da4ml's interpreter, the simulated Verilog and the compiled C++ give the same bits, or no artefact.

da4ml 0.6.0 makes wrong logic in silence where it scales constants by 32 bits and more; this is what finds it.
"""

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import BadArtifact, ConversionFailed
from edge.device.runtimes import Runtime
from edge.fixed_point.evaluate import logits_of
from edge.fixed_point.network import Network

PICTURES = 256


class Gate:
    """What a network answers to PICTURES pictures, for its other forms to be held against."""

    def __init__(self, network: Network) -> None:
        self.pictures = probes(network.shape)
        self.expected = logits_of(network, self.pictures)

    def require_equal(self, name: str, runtime: Runtime) -> None:
        """Raise ConversionFailed where the logits of `runtime` differ in any bit, or it cannot run."""
        try:
            found = runtime.run(self.pictures)
        except BadArtifact as error:
            raise ConversionFailed(f"{name} does not run: {error}") from None
        wrong = np.argwhere(found != self.expected)
        if len(wrong):
            picture, label = wrong[0]
            raise ConversionFailed(
                f"{name} differs from the fixed-point network in {len(wrong)} of {found.size} logits: picture "
                f"{picture}, label {label}: {found[picture, label]:g}, expected {self.expected[picture, label]:g}; "
                "this logic is not to be used: train the network again with other bits or layers"
            )


def probes(shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """PICTURES pictures, uint8 [n, h, w, c], the same each time: noise, half of it only black and white, and both ends
    of the range, where sums are largest."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (PICTURES, *shape), np.uint8)
    noise[: PICTURES // 2] = np.where(noise[: PICTURES // 2] > 127, 255, 0)
    noise[0], noise[1] = 0, 255
    return noise
