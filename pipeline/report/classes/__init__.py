"""Where accuracy is lost: which classes, and what they are taken for."""

from pipeline.report.classes.changes import Facts, measure
from pipeline.report.classes.drawings import draw

TITLE = "Where accuracy is lost: classes"

__all__ = ["TITLE", "Facts", "draw", "measure"]
