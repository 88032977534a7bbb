"""Whether what an artefact loses against float is real, or chance; and whether the budget holds."""

from pipeline.report.significance.comparison import Facts, measure
from pipeline.report.significance.forest import draw

TITLE = "Is the difference real?"

__all__ = ["TITLE", "Facts", "draw", "measure"]
