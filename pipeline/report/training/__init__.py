"""How the float model was trained: its learning curves."""

from pipeline.report.training.curves import draw
from pipeline.report.training.history import Facts, measure

TITLE = "Training"

__all__ = ["TITLE", "Facts", "draw", "measure"]
