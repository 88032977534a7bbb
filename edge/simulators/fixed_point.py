"""The fixed-point network in numpy: the reference that logic and C++ have to equal."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import Layout
from edge.device.errors import BadArtifact, BadModel
from edge.fixed_point.evaluate import logits_of
from edge.fixed_point.file import read_network
from edge.fixed_point.network import Network


class FixedPoint:
    def __init__(self, network: Network) -> None:
        self._network = network

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        return logits_of(self._network, batch)


def open_fixed_point(file: Path, layout: Layout, threads: int) -> FixedPoint:  # noqa: ARG001 - one form for every runtime
    """The network of `model.npz`, ready to run; layout is always NHWC.

    Raises BadArtifact where the file is no fixed-point network.
    """
    try:
        return FixedPoint(read_network(file))
    except BadModel as error:
        raise BadArtifact(str(error)) from None
