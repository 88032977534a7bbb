"""Every layer of a model file beside the float model: in the end, and on the inputs that it really received."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.diagnosis.layers import Layer
from pipeline.diagnosis.noise import Noise, NoiseMeter, Range, RangeMeter, in_order_of
from pipeline.diagnosis.pairing import Pairing, pair_layers
from pipeline.diagnosis.tflite_traces import LiteRT, Severed
from pipeline.diagnosis.traces import Answers, Array, Trace, real


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A layer beside its like in the float model. `total`: of its answer; `own`: of its answer on the inputs that it
    received, so without the error of those before it, None where one of those has no like. `range` is None where the
    layer answers in float."""

    layer: Layer
    float_layer: Layer
    total: Noise
    own: Noise | None
    range: Range | None


@dataclass(frozen=True, kw_only=True)
class AgainstFloat:
    """The layers that have a like in the float model, and those that have none in either file."""

    judged: tuple[Judged, ...]
    alone: tuple[Layer, ...]
    alone_in_float: tuple[Layer, ...]


class FloatComparison:
    """Compares a file's layers, picture by picture, with those of the float TFLite file of the same network.

    The network computes with `scale * (byte - zero_point)`. Raises BadModel where the float file cannot be read.
    """

    def __init__(self, trace: Trace, float_file: Path, shape: tuple[int, ...], scale: float, zero_point: int) -> None:
        self._exact, self._severed = LiteRT(float_file), Severed(float_file)
        self._pairing = pair_layers(trace.layers, self._exact.layers)
        ramp = np.resize(np.arange(256, dtype=np.uint8), shape)
        network_input = scale * (ramp.astype(np.float32) - zero_point)
        self._unit = _unit(self._exact, ramp, network_input)
        unit_here = 1.0 if trace.layers[0].codes else _unit(trace, ramp, network_input)
        self._meters = [
            _Meter(
                trace.layers[here],
                self._exact.layers[there],
                self._pairing,
                *((unit_here, self._unit) if here == 0 else (1.0, 1.0)),
            )
            for here, there in self._pairing.partner.items()
        ]

    def add(self, picture: NDArray[np.uint8], found: Answers) -> None:
        """Take account of what the file answered to `picture`, uint8 [h, w, c]."""
        wanted = self._exact.run(picture)
        given = dict(enumerate(wanted.layers)) | {meter.there.number: meter.real(found) for meter in self._meters}
        given[0] = given[0] * np.float32(self._unit) if 0 in self._pairing.partner.values() else given[0]
        on_given = self._severed.run(given)
        for meter in self._meters:
            meter.add(found, wanted, on_given[meter.there.number])

    def result(self) -> AgainstFloat:
        """What all pictures told; one at least."""
        return AgainstFloat(
            judged=tuple(meter.judged() for meter in self._meters),
            alone=self._pairing.alone_here,
            alone_in_float=self._pairing.alone_there,
        )


def _unit(trace: Trace, picture: NDArray[np.uint8], network_input: NDArray[np.float32]) -> float:
    """What the first layer of a file in float receives for a 1 of `network_input`, that of `picture`.

    The converter may fold the scale of the picture into the weights; what it receives is then in steps of a byte.
    """
    received = in_order_of(
        trace.run(picture).layers[0], (1, *picture.shape), channels_first=trace.layers[0].channels_first
    ).ravel()
    wanted = network_input.ravel()
    return float(wanted @ received.astype(np.float32)) / float(wanted @ wanted)


class _Meter:
    """One pair of layers, and what each answers for a 1 of the network's."""

    def __init__(self, here: Layer, there: Layer, pairing: Pairing, unit_here: float, unit_there: float) -> None:
        self.here, self.there = here, there
        self._unit_here, self._unit_there = np.float32(unit_here), np.float32(unit_there)
        self._total, self._own = NoiseMeter(), NoiseMeter()
        # What a layer without a like answered is not known to the float one that reads it.
        self._knows_inputs = set(there.sources) <= set(pairing.partner.values())
        self._range = RangeMeter(here.codes, there.shape[-1]) if here.codes and there.shape else None

    def real(self, answers: Answers) -> NDArray[np.float32]:
        """The layer's real answer, of the float layer's shape."""
        numbers = real(self._codes(answers), self.here.codes)
        numbers /= self._unit_here
        return numbers

    def add(self, found: Answers, wanted: Answers, on_given: NDArray[np.float32]) -> None:
        """Take account of one picture."""
        answer, exact = self.real(found), self._exact(wanted.layers[self.there.number])
        own = self._exact(on_given) if self.there.sources else exact
        self._total.add(exact, answer)
        self._own.add(own, answer)
        if self._range is not None:
            self._range.add(own, self._codes(found))

    def _exact(self, answer: Array) -> NDArray[np.float32]:
        exact: NDArray[np.float32] = answer.astype(np.float32)
        exact /= self._unit_there
        return exact

    def judged(self) -> Judged:
        """What all pictures told."""
        return Judged(
            layer=self.here,
            float_layer=self.there,
            total=self._total.noise(),
            own=self._own.noise() if self._knows_inputs else None,
            range=self._range.range() if self._range is not None else None,
        )

    def _codes(self, answers: Answers) -> Array:
        return in_order_of(answers.layers[self.here.number], self.there.shape, channels_first=self.here.channels_first)
