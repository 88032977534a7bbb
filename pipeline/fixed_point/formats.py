"""Choosing binary points: of weights by the least squared error, of activations by what pictures cause."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.fixed_point.formats import Format
from edge.fixed_point.network import PICTURE, Front
from pipeline.fixed_point.quantizers import LayerFormats
from pipeline.fixed_point.steps import PRODUCTS, Step

# What lies above this share of the activations saturates: a few large ones would cost all the others a bit.
PERCENTILE = 99.7
# Widths in which a bias is trained: it stands at the sum's binary point, where one more bit costs next to nothing.
BIAS_BITS = 24


def choose_formats(
    steps: Sequence[Step], activations: Sequence[NDArray[np.float32]], front: Front, bits: int, activation_bits: int
) -> tuple[LayerFormats, ...]:
    """The formats of every step, from what each gave (before rounding, after ReLU) for training pictures.

    Steps without weights and ReLU have no formats of their own: theirs hold the input's format as the result's.
    """
    chosen: list[LayerFormats] = []
    fractions: list[int] = []  # binary point of each step's numbers
    for position, (step, seen) in enumerate(zip(steps, activations, strict=True)):
        source = max(front.format.fraction if at == PICTURE else fractions[at] for at in step.inputs)
        weights, sums = Format(signed=True, bits=bits, fraction=0), source
        if step.kind in PRODUCTS:
            weights = weight_format(step.kernel, bits)
            sums = source + weights.fraction
        elif step.kind == "average_pool":
            sums = source + (step.size[0] * step.size[1]).bit_length() - 1
        last = position == len(steps) - 1
        rounds = not last and (step.kind in PRODUCTS or step.relu)
        result = activation_format(seen, activation_bits, signed=not step.relu) if rounds else None
        chosen.append(
            LayerFormats(weights=weights, bias=Format(signed=True, bits=BIAS_BITS, fraction=sums), result=result)
        )
        fractions.append(sums if result is None else result.fraction)
    return tuple(chosen)


def weight_format(kernel: NDArray[np.float32], bits: int) -> Format:
    """The signed format of `bits` bits whose codes lose the least of `kernel`, squared."""
    whole = bits - 1 - _integer_bits(float(np.abs(kernel).max()))
    candidates = (Format(signed=True, bits=bits, fraction=fraction) for fraction in range(whole, whole + 3))
    return min(candidates, key=lambda each: float(np.square(_nearest(kernel, each) - kernel).sum()))


def activation_format(seen: NDArray[np.float32], bits: int, *, signed: bool) -> Format:
    """The format of `bits` bits that holds all but the largest of the numbers `seen`."""
    largest = float(np.percentile(np.abs(seen), PERCENTILE))
    return Format(signed=signed, bits=bits, fraction=bits - signed - _integer_bits(largest))


def codes(numbers: NDArray[np.float32], target: Format) -> NDArray[np.int64]:
    """The codes that `PowerOfTwo` trains with: rounded to even, saturating."""
    rounded = np.rint(numbers.astype(np.float64) * 2.0**target.fraction)
    return np.clip(rounded, target.lowest, target.highest).astype(np.int64)


def _nearest(numbers: NDArray[np.float32], target: Format) -> Any:
    return codes(numbers, target) * 2.0**-target.fraction


def _integer_bits(largest: float) -> int:
    """Bits before the binary point for numbers up to `largest`; fewer than 0 where they are all small."""
    return math.floor(math.log2(max(largest, 1e-6))) + 1
