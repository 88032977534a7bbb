from fractions import Fraction
from math import floor

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.fixed_point.formats import Format, narrowest, rounded
from edge.fixed_point.network import Front

FORMATS = st.builds(
    Format, signed=st.booleans(), bits=st.integers(2, 12), fraction=st.integers(-3, 12)
)  # fmt: skip


@given(st.integers(-(2**24), 2**24), st.integers(0, 16), FORMATS)
def test_rounding_is_half_up_and_saturates_as_exact_fractions_do(code, point, target):
    number = Fraction(code, 2**point)
    exact = floor(number * Fraction(2) ** target.fraction + Fraction(1, 2))
    exact = min(max(exact, target.lowest), target.highest)
    found = rounded(np.array([float(number)]), target)[0]
    assert Fraction(float(found)) == exact / Fraction(2) ** target.fraction


@given(st.integers(-(2**30), 2**30), st.integers(-(2**30), 2**30))
def test_narrowest_holds_both_ends_and_one_bit_less_does_not(one, other):
    lowest, highest = min(one, other), max(one, other)
    found = narrowest(lowest, highest, 0)
    assert found.lowest <= min(lowest, 0)
    assert highest <= found.highest
    if found.bits > 1 + found.signed:
        less = Format(signed=found.signed, bits=found.bits - 1, fraction=0)
        assert lowest < less.lowest or highest > less.highest


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 7))
def test_front_is_the_byte_less_the_zero_point_without_its_lowest_bits(byte, zero_point, dropped):
    front = Front(zero_point=zero_point, fraction=7, dropped=dropped)
    (code,) = front.codes(np.array([byte], np.uint8))
    assert code == floor(Fraction(byte - zero_point, 2**dropped))
    assert front.format.lowest <= code <= front.format.highest
    assert front.format.fraction == 7 - dropped


def test_front_of_our_own_networks_takes_no_bit_more_than_it_keeps():
    assert Front(zero_point=128, fraction=7).format == Format(signed=True, bits=8, fraction=7)
    assert Front(zero_point=128, fraction=7, dropped=4).format == Format(signed=True, bits=4, fraction=3)
    assert Front(zero_point=0, fraction=8).format == Format(signed=False, bits=8, fraction=8)
