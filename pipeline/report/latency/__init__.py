"""How long a picture takes on this host, and how much that varies."""

from pipeline.report.latency.spread import draw
from pipeline.report.latency.times import Facts, measure

TITLE = "How quick is it here?"

__all__ = ["TITLE", "Facts", "draw", "measure"]
