"""Where the windows of a convolution or a pooling lie on its picture."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.tflite import Operator, Tensor

SAME = 0  # TFLite's Padding.SAME; the other is VALID


@dataclass(frozen=True, kw_only=True)
class Windows:
    """All pairs are (height, width)."""

    size: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    pads: tuple[int, int, int, int]  # ONNX's order: top, left, bottom, right
    picture: tuple[int, int]
    result: tuple[int, int]

    def counts(self) -> NDArray[np.int64]:
        """How many pixels of the picture each window covers, int64 [height, width] of the result."""
        covered = [_covered(self, axis) for axis in (0, 1)]
        return np.outer(*covered)


def windows_of(operator: Operator, size: tuple[int, int], source: Tensor, result: Tensor) -> Windows:
    """The windows of `size` with the operator's strides, dilations and padding, which SAME puts more at the end of."""
    options = operator.options
    strides = (options["strideH"], options["strideW"])
    dilations = (options.get("dilationHFactor", 1), options.get("dilationWFactor", 1))
    picture, output = source.shape[1:3], result.shape[1:3]
    starts, ends = [], []
    for axis in (0, 1):
        reach = (size[axis] - 1) * dilations[axis] + 1
        total = max((output[axis] - 1) * strides[axis] + reach - picture[axis], 0) if options["padding"] == SAME else 0
        starts.append(total // 2)
        ends.append(total - total // 2)
    return Windows(
        size=size,
        strides=strides,
        dilations=dilations,
        pads=(starts[0], starts[1], ends[0], ends[1]),
        picture=(picture[0], picture[1]),
        result=(output[0], output[1]),
    )


def _covered(windows: Windows, axis: int) -> NDArray[np.int64]:
    starts = np.arange(windows.result[axis]) * windows.strides[axis] - windows.pads[axis]
    ends = np.minimum(starts + windows.size[axis], windows.picture[axis])
    return ends - np.maximum(starts, 0)
