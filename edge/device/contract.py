"""The contract that travels with a model: raw bytes in, scores and labels out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import BadArtifact
from edge.device.files import read_json, write_json
from edge.device.typed import from_json

FORMAT = 1
NAME = "contract.json"
FIRST_VERSION = "0.1.0"

Resize = Literal["stretch", "crop", "pad"]
Layout = Literal["NHWC", "NCHW"]
RESIZES: tuple[Resize, ...] = ("stretch", "crop", "pad")

TEMPERATURES = (1e-6, 1e6)  # from, to: with others logits in float32 become infinite, or 0 alike


@dataclass(frozen=True)
class Input:
    """A uint8 tensor; the number that the network computes with is `scale * (byte - zero_point)`."""

    shape: tuple[int, int, int, int]  # 1, height, width, channels; in the order of `layout`
    colour: str  # "RGB" or "GREY"
    resize: Resize
    scale: float
    zero_point: int
    kind: str = "image"
    name: str = "image"
    dtype: str = "uint8"
    layout: Layout = "NHWC"

    @property
    def picture(self) -> tuple[int, int, int]:
        """Height, width and channels of a picture, whatever the layout."""
        _, *sides = self.shape
        height, width, channels = sides if self.layout == "NHWC" else (*sides[1:], sides[0])
        return height, width, channels


@dataclass(frozen=True)
class Output:
    """One logit for each label; a logit is `scale * (code - zero_point)` where dtype is an integer's.

    `temperature`, above 0: what logits are divided by before they become scores, so that a score is the chance to be
    right (Guo et al. 2017, "On Calibration of Modern Neural Networks"); 1 leaves them as they are.
    """

    dtype: str
    shape: tuple[int, int]  # 1, labels
    scale: float
    zero_point: int
    labels: tuple[str, ...]
    name: str = "logits"
    temperature: float = 1.0  # contracts from before it was known have none

    def scores(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores in 0..1 that sum to 1 over the last axis, from float32 logits of shape [..., labels]."""
        return softmax(logits if self.temperature == 1.0 else logits / np.float32(self.temperature))


@dataclass(frozen=True)
class ModelFile:
    """A file of the artefact and the runtimes it was proven in, by name in `edge.device.runtimes.RUNTIMES`."""

    file: str
    sha256: str
    runtimes: tuple[str, ...]


@dataclass(frozen=True)
class Contract:
    """`fastest` names the runtime that answered soonest on the host that proved the artefact. `version`: the recipe's,
    MAJOR.MINOR.PATCH, by which devices tell a newer model from an older one."""

    name: str
    target: str
    precision: str
    input: Input
    output: Output
    files: tuple[ModelFile, ...]
    fastest: str
    version: str = FIRST_VERSION  # contracts from before it was known have none
    task: str = "classification"

    def file_for(self, runtime: str) -> str:
        """The file that `runtime` executes.

        Raises BadArtifact where no file of the contract was proven in that runtime.
        """
        for model in self.files:
            if runtime in model.runtimes:
                return model.file
        proven = sorted({name for model in self.files for name in model.runtimes})
        raise BadArtifact(f"runtime {runtime!r}: this artefact was proven in {', '.join(proven)}; name one of those")


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores in 0..1 that sum to 1 over the last axis, from float32 logits of shape [..., labels]."""
    weights: NDArray[np.float32] = np.exp(logits - logits.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights


def write_contract(folder: Path, contract: Contract) -> None:
    """Write contract.json into `folder`."""
    write_json(folder / NAME, {"format": FORMAT, **asdict(contract)})


def read_contract(folder: Path) -> Contract:
    """Read contract.json of `folder`.

    Raises BadArtifact where it is missing, of another format, or a field lacks or holds what it cannot.
    """
    path = folder / NAME
    body = read_json(path)
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        found = body.get("format") if isinstance(body, dict) else type(body).__name__
        raise BadArtifact(f"{path}: format {found!r}, this version of Edgewise reads {FORMAT}; export it again")
    del body["format"]
    try:
        contract = from_json(Contract, body)
        _require_possible(contract)
    except ValueError as error:
        raise BadArtifact(f"{path}: {error}; export it again") from None
    return contract


def artifacts_of(run: Path) -> list[Path]:
    """The folders of a run folder's artefacts."""
    return sorted(path.parent for path in run.glob(f"export/*/{NAME}"))


def _require_possible(contract: Contract) -> None:
    """Raise ValueError where a value is of the right type and yet cannot be."""
    runtimes = {name for model in contract.files for name in model.runtimes}
    low, high = TEMPERATURES
    for where, value, expected, possible in (
        ("input.shape", contract.input.shape, "lengths from 1", min(contract.input.shape) >= 1),
        ("input.scale", contract.input.scale, "a number above 0", contract.input.scale > 0),
        ("output.shape", contract.output.shape, "lengths from 1", min(contract.output.shape) >= 1),
        ("output.scale", contract.output.scale, "a number above 0", contract.output.scale > 0),
        ("output.labels", contract.output.labels, "one at least", bool(contract.output.labels)),
        ("output.temperature", contract.output.temperature, f"a number from {low:g} to {high:g}",
         low <= contract.output.temperature <= high),
        ("fastest", contract.fastest, f"a runtime of its files, {', '.join(sorted(runtimes)) or 'which have none'}",
         contract.fastest in runtimes),
    ):  # fmt: skip
        if not possible:
            raise ValueError(f"{where}: received {value!r}, expected {expected}")
