"""Which layers int8 costs most, what giving them their precision back buys, and whether another form is better."""

from pipeline.report.sensitivity.drawings import draw
from pipeline.report.sensitivity.facts import Facts
from pipeline.report.sensitivity.measurement import measure

TITLE = "Is there a better trade?"

__all__ = ["TITLE", "Facts", "draw", "measure"]
