"""Whether a score of 90 % is right nine times of ten, and what to let the model answer with "I don't know"."""

from pipeline.report.confidence.drawings import draw
from pipeline.report.confidence.facts import Facts, measure

TITLE = "Can its confidence be trusted?"

__all__ = ["TITLE", "Facts", "draw", "measure"]
