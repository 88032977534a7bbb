"""What every layer of a file answers to a picture."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.diagnosis.layers import Codes, Layer

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """`layers`: each layer's answer by its number, of the layer's shape: codes, or float32 where there are none.
    `logits`: what the file answers in the end, float32 [labels]."""

    layers: tuple[Array, ...]
    logits: NDArray[np.float32]


class Trace(Protocol):
    layers: tuple[Layer, ...]

    def run(self, picture: NDArray[np.uint8]) -> Answers:
        """The answers to one raw picture, uint8 [h, w, c]."""
        ...


def real(answer: Array, codes: Codes | None) -> NDArray[np.float32]:
    """The real numbers of a layer's answer, as the runtimes themselves make them of codes."""
    numbers: NDArray[np.float32] = answer.astype(np.float32)
    if codes is not None:
        numbers -= np.float32(codes.zero_point)
        numbers *= np.float32(codes.scale)
    return numbers
