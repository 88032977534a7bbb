"""Which operators each target's accelerator executes, which its CPU does, and which nobody does."""

from pipeline.report.placement.asking import measure
from pipeline.report.placement.facts import Facts
from pipeline.report.placement.maps import draw

TITLE = "What runs where?"

__all__ = ["TITLE", "Facts", "draw", "measure"]
