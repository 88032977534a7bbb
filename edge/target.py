"""What every target's module offers, and the values that pass through its verbs.

A target is a module of `edge.targets` with

    RUNGS: tuple[Precision, ...]                                     the ladder, fastest first
    check(model: Path, board: Board | None) -> Verdict               only reads; any model file of a kind that it knows
    convert(model: Path, board: Board | None, folder: Path) -> Artifact      a form that the pipeline made
    run(artifact: Artifact, batch: uint8 [n, h, w, c]) -> float32 logits [n, labels]

`check` raises BadModel where the file is no model of a kind that the target reads; what the target cannot execute is a
finding. `convert` raises BadModel where `check` refuses or the model does not take pictures, ConversionFailed where a
tool refuses, Unavailable where a tool is missing.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.boards import Board
from edge.device.contract import Layout, ModelFile
from edge.device.files import sha256_of, size_of

Precision = Literal[
    "int8-ptq", "int8-qat", "int8-selective", "int16x8", "float16", "bfloat16", "float32",
    "fixed-3", "fixed-4", "fixed-5", "fixed-6", "fixed-8",
]  # fmt: skip
Severity = Literal["refused", "uncertain", "warning", "note"]
Placement = Literal["accelerator", "cpu", "refused", "uncertain"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a target has to say about a model: where, why, and the way round.

    "refused": it will not run there. "uncertain": nobody has evidence for either. "warning": it runs, with a loss.
    """

    severity: Severity
    operator: str  # e.g. "CONV_2D #3", or "input" and "output"
    reason: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.operator}: {self.reason}" + (f"; {self.fix}" if self.fix else "")


@dataclass(frozen=True, kw_only=True)
class PlacedOperator:
    """Where the target executes one operator, and why not on its accelerator."""

    index: int
    name: str  # e.g. "CONV_2D", "Conv"
    placement: Placement
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What `check` found. `estimates`: bytes, cells and so on by name, e.g. on_chip_bytes, arena_bytes, flash_bytes."""

    target: str
    board: str | None
    operators: tuple[PlacedOperator, ...]
    findings: tuple[Finding, ...] = ()
    estimates: Mapping[str, int] = field(default_factory=dict)

    @property
    def fits(self) -> Literal["yes", "no", "uncertain"]:
        """ "no" where anything is refused, "uncertain" where anything lacks evidence."""
        words = {finding.severity for finding in self.findings} | {each.placement for each in self.operators}
        return "no" if "refused" in words else "uncertain" if "uncertain" in words else "yes"

    @property
    def mapped_count(self) -> int:
        """How many operators the accelerator executes."""
        return sum(each.placement == "accelerator" for each in self.operators)

    @property
    def refusals(self) -> list[str]:
        """Why the model does not run there, in words."""
        operators = (f"{each.name} #{each.index}: {each.reason}" for each in self.operators if _refused(each.placement))
        findings = (str(finding) for finding in self.findings if _refused(finding.severity))
        return list(dict.fromkeys([*findings, *operators]))


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """Files that `convert` wrote into `folder`, each with the runtimes that can execute it on the host.

    The first runtime of the first file is the reference, which `run` uses. `must_equal` names the files whose every
    logit must equal the reference's. `layout` is the input's in all files; `findings` came up in the conversion;
    `figures` were measured by the target's own tools, with the units in their names: arena_bytes, cells, clock_mhz.
    """

    folder: Path
    target: str
    precision: Precision
    files: tuple[ModelFile, ...]
    layout: Layout = "NHWC"
    must_equal: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)


def size_of_model(file: Path) -> int:
    """Bytes of a model file, and of the weights that its format keeps beside it."""
    if file.name == "saved_model.pb":
        return size_of(file.parent)
    beside = file.with_suffix(".bin")  # of OpenVINO's IR
    return size_of(file) + (size_of(beside) if file.suffix == ".xml" else 0)


def sha256_of_model(file: Path) -> str:
    """Hexadecimal SHA-256 of a model file together with the weights that its format keeps beside it."""
    if file.name == "saved_model.pb":
        return sha256_of(file.parent)
    digest = sha256_of(file)
    if file.suffix == ".xml":  # of OpenVINO's IR, which is often the same for other weights
        digest = hashlib.sha256(f"{digest}\n{sha256_of(file.with_suffix('.bin'))}".encode()).hexdigest()
    return digest


class Target(Protocol):
    @property
    def RUNGS(self) -> tuple[Precision, ...]: ...  # noqa: N802 - a constant of the module

    def check(self, model: Path, board: Board | None) -> Verdict: ...

    def convert(self, model: Path, board: Board | None, folder: Path) -> Artifact: ...

    def run(self, artifact: Artifact, batch: NDArray[np.uint8]) -> NDArray[np.float32]: ...


def _refused(word: str) -> bool:
    return word == "refused"
