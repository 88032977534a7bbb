"""How much logic a network takes, before any tool is asked: an order of magnitude, to choose the way and the board.

A product with a constant is one addition for each digit other than 0 of the constant's canonical signed form (Avizienis
1961); da4ml finds about every second one already made. A cell of an ECP5 or iCE40 adds one bit, and about one more goes
to the ends of carry chains, rounding and registers. Held against nextpnr's counts of four networks
from 3,800 to 15,400 cells of an ECP5, the estimate was within 14 %.
"""

from math import prod

import numpy as np
from numpy.typing import NDArray

from edge.fixed_point.network import Conv2D, Dense, Network
from edge.fixed_point.spans import input_spans, spans_of

SHARED = 0.5
CELLS_FOR_A_BIT = 2.0
# Mean digits of an evenly distributed n-bit number in canonical signed form: about n / 3 + 1 / 9.
DIGITS_FOR_A_BIT, DIGITS_MORE = 1 / 3, 1 / 9


def cells_of(network: Network) -> int:
    """Estimated cells of a fixed-point network, all of it unrolled."""
    cells = 0.0
    for node, source, span in zip(network.nodes, input_spans(network), spans_of(network), strict=True):
        if isinstance(node.layer, Dense | Conv2D):
            additions = signed_digits(node.layer.weights) * prod(span.shape[:-1])
            # Sums grow from the input's width to the result's.
            width = (source.format.bits + span.format.bits) / 2
            cells += additions * SHARED * width * CELLS_FOR_A_BIT
    return round(cells)


def cells_for(macs: int, bits: int) -> int:
    """Estimated cells for `macs` multiplications by weights of `bits` bits that are not known, none of them 0."""
    digits = bits * DIGITS_FOR_A_BIT + DIGITS_MORE
    return round(macs * digits * SHARED * (2 * bits) * CELLS_FOR_A_BIT)


def signed_digits(codes: NDArray[np.int64]) -> int:
    """Digits other than 0 of all `codes` in canonical signed form: those of n are the bits of n ^ 3n without the last.

    Booth's observation; see Prodinger, "On Binary Representations of Integers with Digits -1, 0, 1" (2000).
    """
    size = np.abs(codes)
    return sum(word.bit_count() for word in ((size ^ (3 * size)) >> 1).ravel().tolist())
