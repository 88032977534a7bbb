"""Where two runtimes of a file, or two files of one artefact, begin to answer differently."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.diagnosis.layers import Layer
from pipeline.diagnosis.noise import NoiseMeter, in_order_of
from pipeline.diagnosis.pairing import pair_layers
from pipeline.diagnosis.traces import Answers, Trace, real

# Steps in a float layer's largest value: where all is float, far above float32's rounding; between int8 layers, theirs.
FLOAT_STEPS = 4096
MIXED_STEPS = 256
# Rounding is a step at most, and a few where inputs differ already. More, much more than before, and as much as a tenth
# of the signal, is a fault.
FAULT_STEPS = 8.0
FAULT_JUMP = 4.0
FAULT_DB = 20.0


@dataclass(frozen=True, kw_only=True)
class LayerDifference:
    """`differing`: the share of a layer's values that are off by half a step or more. `largest`: in steps of the
    reference's codes; a float layer's step is 1 / FLOAT_STEPS of its largest value, or 1 / MIXED_STEPS where other
    layers have codes. `sqnr`: the signal by the difference, in dB."""

    layer: Layer
    differing: float
    largest: float
    sqnr: float


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """`layers`: those that can be compared, in order. `label_flips`: pictures with another label. `largest_logit`: the
    largest difference of a logit, with the layers exposed."""

    layers: tuple[LayerDifference, ...]
    label_flips: int
    largest_logit: float

    @property
    def first(self) -> LayerDifference | None:
        """The first layer at which anything differs."""
        return next((each for each in self.layers if each.differing), None)

    @property
    def fault(self) -> LayerDifference | None:
        """The first layer that differs by more than rounding explains."""
        before = 0.0
        for each in self.layers:
            if each.largest > max(FAULT_STEPS, FAULT_JUMP * before) and each.sqnr < FAULT_DB:
                return each
            before = max(before, each.largest)
        return None


class RuntimeComparison:
    """Compares the layers of `other` with a reference's, picture by picture; those with a like and codes alike."""

    def __init__(self, reference: Trace, other: Trace) -> None:
        partner = pair_layers(reference.layers, other.layers).partner
        pairs = [(reference.layers[here], other.layers[there]) for here, there in partner.items()]
        # What whole numbers stand for that have no scale is not known.
        steps = MIXED_STEPS if any(each.codes for each in reference.layers) else FLOAT_STEPS
        self._meters = [
            _Meter(here, there, steps) for here, there in pairs if (here.codes is None) == (there.codes is None)
        ]
        self._other = other
        self._logits: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []

    def add(self, picture: NDArray[np.uint8], found: Answers) -> None:
        """Take account of what the reference answered to `picture`, uint8 [h, w, c]."""
        answers = self._other.run(picture)
        for meter in self._meters:
            meter.add(found, answers)
        self._logits.append((found.logits, answers.logits))

    @property
    def logits(self) -> NDArray[np.float32]:
        """The other's, float32 [pictures, labels], with its layers exposed."""
        return np.stack([there for _, there in self._logits])

    def result(self) -> Divergence:
        """What all pictures told; one at least."""
        return Divergence(
            layers=tuple(meter.difference() for meter in self._meters),
            label_flips=sum(int(here.argmax() != there.argmax()) for here, there in self._logits),
            largest_logit=max(float(np.abs(here - there).max()) for here, there in self._logits),
        )


class _Meter:
    """One pair of layers; `float_steps` in their largest value where they are float."""

    def __init__(self, here: Layer, there: Layer, float_steps: int) -> None:
        self._here, self._there, self._float_steps = here, there, float_steps
        self._noise = NoiseMeter()
        self._differing = self._count = 0
        self._largest = 0.0

    def add(self, found: Answers, other: Answers) -> None:
        shape = self._here.shape
        answer = in_order_of(found.layers[self._here.number], shape, channels_first=False)
        like = in_order_of(
            other.layers[self._there.number],
            shape,
            channels_first=self._there.channels_first and not self._here.channels_first,
        )
        here, there = real(answer, self._here.codes), real(like, self._there.codes)
        step = self._here.codes.scale if self._here.codes else float(np.abs(here).max()) / self._float_steps
        self._noise.add(here, there)
        steps = np.abs(here - there) / np.float32(step or 1.0)
        self._differing += int(np.count_nonzero(steps >= 0.5))
        self._count += steps.size
        self._largest = max(self._largest, float(steps.max()))

    def difference(self) -> LayerDifference:
        # Whole steps are whole again where float32 made 1.000001 of them.
        largest = round(self._largest, 3)
        return LayerDifference(
            layer=self._here,
            differing=self._differing / self._count,
            largest=largest,
            sqnr=self._noise.noise().sqnr,
        )
