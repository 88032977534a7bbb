"""How the model and its artefacts bear pictures that are worse than those of the data set."""

from pipeline.report.robustness.drawings import draw
from pipeline.report.robustness.facts import Facts
from pipeline.report.robustness.measurement import measure

TITLE = "What breaks on bad pictures?"

__all__ = ["TITLE", "Facts", "draw", "measure"]
