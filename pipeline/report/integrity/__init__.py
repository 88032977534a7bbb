"""Can these figures be trusted? Labels, preparation, files and the blind test itself, checked."""

from pipeline.report.drawing import Drawing
from pipeline.report.integrity.checks import measure
from pipeline.report.integrity.facts import Facts

TITLE = "Can these figures be trusted?"

__all__ = ["TITLE", "Facts", "draw", "measure"]


def draw(_facts: Facts) -> dict[str, Drawing]:
    """Nothing: verdicts are words."""
    return {}
