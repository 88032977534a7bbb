"""What the sections of a report work on: a finished run, its artefacts, and what they answer."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from edge.device.contract import Contract, Layout
from edge.runtimes import SIMULATORS
from pipeline.answers import Answers
from pipeline.data.dataset import Dataset, Samples, Split
from pipeline.data.source import Report
from pipeline.evaluation import FloatLogits, Logits
from pipeline.isolate import Child
from pipeline.recipe import Recipe
from pipeline.results import Proven


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One file of an artefact in one runtime. `sha256` is of the file as it stands."""

    target: str
    file: Path
    runtime: str
    layout: Layout
    sha256: str

    @property
    def name(self) -> str:
        """What it is called throughout the report, e.g. "cpu/model.tflite in litert"."""
        return f"{self.target}/{self.file.name} in {self.runtime}"

    @property
    def simulated(self) -> bool:
        """Whether the runtime stands in for a device, so that its speed says nothing."""
        return self.runtime in SIMULATORS


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """A finished artefact of the run. `subjects`: every file in every runtime that proved it; the first is the
    reference."""

    target: str
    folder: Path
    contract: Contract
    subjects: tuple[Subject, ...]

    @property
    def precision(self) -> str:
        return self.contract.precision

    @property
    def quickest(self) -> Subject:
        """The subject that the contract calls fastest."""
        return next(each for each in self.subjects if each.runtime == self.contract.fastest)


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """A run under inspection. `budget` is asked of the recipe; `child` is where converters run, and may crash."""

    recipe: Recipe
    run: Path
    dataset: Dataset
    float_logits: FloatLogits
    proven: Proven
    artefacts: tuple[Artefact, ...]
    answers: Answers
    child: Child
    report: Report

    @cached_property
    def blind(self) -> Samples:
        return self.dataset.part(Split.BLIND_TEST)

    @cached_property
    def validation(self) -> Samples:
        return self.dataset.part(Split.VALIDATION)

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """Every file in every runtime; of files with the same bytes in the same runtime the first."""
        distinct: dict[tuple[str, str], Subject] = {}
        for artefact in self.artefacts:
            for subject in artefact.subjects:
                distinct.setdefault((subject.sha256, subject.runtime), subject)
        return tuple(distinct.values())

    @property
    def models(self) -> tuple[Artefact, ...]:
        """The artefacts whose reference files differ: coral's is often the very file of cpu."""
        distinct: dict[str, Artefact] = {}
        for artefact in self.artefacts:
            distinct.setdefault(artefact.subjects[0].sha256, artefact)
        return tuple(distinct.values())

    def logits(self, subject: Subject, split: Literal[Split.BLIND_TEST, Split.VALIDATION] = Split.BLIND_TEST) -> Logits:
        """What `subject` answers on a split, float32 [n, classes]; run once, kept on disk."""
        samples = self.blind if split is Split.BLIND_TEST else self.validation
        return self.answers.of(subject.runtime, subject.file, subject.layout, samples, self.report)
