"""Does the board answer like the laptop? Every runtime, the live endpoint and devices, compared picture by picture."""

from pipeline.report.agreement.compared import measure
from pipeline.report.agreement.facts import Facts
from pipeline.report.agreement.matrix import draw

TITLE = "Does the board answer like the laptop?"

__all__ = ["TITLE", "Facts", "draw", "measure"]
