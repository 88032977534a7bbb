"""Learning curves in words."""

import pytest

from pipeline.report.drawing import page_style
from pipeline.report.training import Facts, draw
from pipeline.report.training.history import Epoch


def epoch(number: int, loss: float) -> Epoch:
    return Epoch(
        phase="training", number=number, learning_rate=0.1, loss=loss, validation_loss=2 * loss, validation_top1=0.5
    )


@pytest.mark.parametrize(("first", "last"), [(0.25, 0.75), (0.75, 0.25)])
def test_losses_are_told_without_saying_that_they_fall(first: float, last: float) -> None:
    with page_style():
        drawing = draw(Facts(device="CPU", epochs=(epoch(1, first), epoch(2, last))))["curves"]
    assert f"training loss goes from {first:.3f} to {last:.3f}, validation loss from {2 * first:.3f}" in drawing.words
    assert "falls" not in drawing.words


def test_a_model_that_came_trained_has_no_curves() -> None:
    assert draw(Facts(device="CPU", epochs=())) == {}
