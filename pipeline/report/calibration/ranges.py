"""Whether what the network computes on other pictures stays within the ranges that the calibration set gave."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.diagnosis.layers import Codes, Layer
from pipeline.diagnosis.pairing import pair_layers
from pipeline.diagnosis.traces import Array
from pipeline.diagnosis.tracing import open_trace
from pipeline.report.calibration.facts import Range

_RARE = 0.001  # share of values at either end that is left aside in "used": one stray value is no use of a range


def activation_ranges(quantized: Path, floating: Path, pictures: NDArray[np.uint8]) -> tuple[Range, ...]:
    """The ranges of the int8 file `quantized` beside what the same layers of `floating`, a float32 file of the same
    network, compute on `pictures`, uint8 [n, h, w, c]; the layers in the file's order.

    Raises BadArtifact, BadModel where a file cannot be looked into.
    """
    here, there = open_trace(quantized, "litert"), open_trace(floating, "litert")
    partner = pair_layers(here.layers, there.layers).partner
    seen = {
        partner[layer.number]: _Seen(layer, layer.codes)
        for layer in here.layers[1:]  # the picture itself has every byte's code
        if layer.codes is not None and layer.number in partner
    }
    for picture in pictures:
        answers = there.run(picture).layers
        for number, layer in seen.items():
            layer.add(answers[number])
    return tuple(layer.range() for layer in seen.values())


class _Seen:
    """How often each code of a layer would be answered, counted picture by picture."""

    def __init__(self, layer: Layer, codes: Codes) -> None:
        self._layer = layer
        self._codes = codes
        self._counts = np.zeros(codes.high - codes.low + 1, np.int64)
        self._outside = 0
        self._lowest, self._highest = np.inf, -np.inf

    def add(self, values: Array) -> None:
        codes = np.rint(values.ravel() / self._codes.scale).astype(np.int64) + (
            self._codes.zero_point - self._codes.low
        )
        last = len(self._counts) - 1
        self._counts += np.bincount(codes.clip(0, last), minlength=len(self._counts))
        self._outside += int(np.count_nonzero((codes < 0) | (codes > last)))
        self._lowest, self._highest = min(self._lowest, values.min()), max(self._highest, values.max())

    def range(self) -> Range:
        total = int(self._counts.sum())
        below = np.cumsum(self._counts)
        first, last = np.searchsorted(below, [_RARE * total, (1 - _RARE) * total])
        low, high = self._codes.reach
        return Range(
            layer=self._layer.label,
            low=low,
            high=high,
            seen_low=float(self._lowest),
            seen_high=float(self._highest),
            outside=self._outside / total,
            used=float(last - first + 1) / len(self._counts),
        )
