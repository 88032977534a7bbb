"""Two runs, or two artefacts, side by side: which is better, by how much, and whether that is more than chance."""

from pipeline.compare.artefacts import compare_artefacts
from pipeline.compare.comparison import Comparison
from pipeline.compare.runs import compare_runs
from pipeline.compare.subjects import kind_of

__all__ = ["Comparison", "compare_artefacts", "compare_runs", "kind_of"]
