"""What every target's module offers, and the values that pass through its verbs.

A target is a module of `edge.targets` with

    RUNGS: tuple[Precision, ...]                                   the ladder, fastest first
    check(model: Path, board: str | None) -> list[Finding]         only reads; a TFLite file
    convert(model: Path, board: str | None, folder: Path) -> Artifact
    run(artifact: Artifact, batch: uint8 [n, h, w, c]) -> float32 logits [n, labels]
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import Layout, ModelFile

Precision = Literal["int8-ptq", "int8-qat", "float16", "float32"]
Severity = Literal["refused", "warning", "note"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a target has to say about a model: where, why, and the way round."""

    severity: Severity
    operator: str  # e.g. "CONV_2D #3", or "input" and "output"
    reason: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.operator}: {self.reason}" + (f"; {self.fix}" if self.fix else "")


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """Files that `convert` wrote into `folder`, each with the runtimes that can execute it on the host.

    The first runtime of the first file is the reference, which `run` uses. `must_equal` names the files whose every
    logit must equal the reference's. `layout` is the input's in all files; `findings` came up in the conversion.
    """

    folder: Path
    target: str
    precision: Precision
    files: tuple[ModelFile, ...]
    layout: Layout = "NHWC"
    must_equal: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()


class Target(Protocol):
    @property
    def RUNGS(self) -> tuple[Precision, ...]: ...  # noqa: N802 - a constant of the module

    def check(self, model: Path, board: str | None) -> list[Finding]: ...

    def convert(self, model: Path, board: str | None, folder: Path) -> Artifact: ...

    def run(self, artifact: Artifact, batch: NDArray[np.uint8]) -> NDArray[np.float32]: ...
