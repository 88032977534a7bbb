"""Pictures that tell one resize rule from another."""

import itertools

import numpy as np
import pytest

from edge.device.contract import RESIZES
from edge.device.image import fit
from pipeline.report.inspection import Inspection
from pipeline.report.integrity.preparation import odd_pictures
from pipeline.subset import at_most


def test_odd_pictures_are_larger_and_not_square(inspection: Inspection) -> None:
    pictures = odd_pictures(at_most(inspection.blind, 30))
    assert len(pictures) == 30
    for picture in pictures:
        height, width, channels = picture.shape
        assert height != width
        assert min(height, width) >= 8
        assert max(height, width) <= 24
        assert (str(picture.dtype), channels) == ("uint8", 1)


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(RESIZES, 2)))
def test_odd_pictures_are_not_the_same_after_another_rule(inspection: Inspection, one: str, other: str) -> None:
    pictures = odd_pictures(at_most(inspection.blind, 30))
    same = [np.array_equal(fit(picture, 8, 8, one), fit(picture, 8, 8, other)) for picture in pictures]
    assert not any(same)
