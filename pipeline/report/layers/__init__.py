"""Where accuracy is lost: every layer of each model beside float, and beside itself in other runtimes."""

from pipeline.report.layers.curves import draw
from pipeline.report.layers.damage import Facts, measure

TITLE = "Where accuracy is lost: layers"

__all__ = ["TITLE", "Facts", "draw", "measure"]
