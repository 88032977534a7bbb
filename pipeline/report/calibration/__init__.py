"""The pictures that int8 after training takes its ranges from: do they show enough, and does it matter which?"""

from pipeline.report.calibration.audit import measure
from pipeline.report.calibration.drawings import draw
from pipeline.report.calibration.facts import Facts

TITLE = "Was the calibration set good enough?"

__all__ = ["TITLE", "Facts", "draw", "measure"]
