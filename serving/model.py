"""The model that is served: an artefact whose files are unchanged, loaded, warm, and equal to its golden vectors."""

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import NAME as CONTRACT
from edge.device.contract import Contract, artifacts_of, read_contract
from edge.device.errors import BadArtifact, Unavailable
from edge.device.files import read_json
from edge.device.golden import Golden, check_golden, read_golden
from edge.device.manifest import Manifest, read_manifest, verify_outputs
from edge.device.runtimes import Runtime, open_runtime
from serving.settings import RUNTIMES

_WARM_UP = 8  # inferences before the first request: kernels are chosen and packed in the first ones


@dataclass(frozen=True, kw_only=True)
class Model:
    """An artefact ready to answer. `runtime` executes `file`; `seconds` is what one picture takes, measured warm.

    `figures` are those that the artefact was proven with, empty where it brings none.
    """

    folder: Path
    manifest: Manifest
    contract: Contract
    runtime: str
    file: str
    sha256: str
    size: int
    seconds: float
    figures: Mapping[str, Any]
    golden: Golden
    _executor: Runtime
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        return self.contract.name

    @cached_property
    def version(self) -> str:
        """Twelve digits over the hashes of the artefact's files: other labels make another version, too."""
        files = "".join(f"{digest}  {name}\n" for name, digest in sorted(self.manifest.outputs.items()))
        return hashlib.sha256(files.encode()).hexdigest()[:12]

    def logits(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits, float32 [n, labels], of raw pictures, uint8 [n, h, w, c]. May be called from any thread."""
        with self._lock:
            return self._executor.run(batch)


def load_model(path: Path, wanted: str) -> Model:
    """Load the artefact at `path`, a folder with a contract or a run folder, in the runtime `wanted` or "auto".

    "auto" is the runtime that the contract names as the fastest, or another one proven where that is not installed.
    Raises BadArtifact where the artefact is missing, was changed or was not proven in that runtime, Unavailable where
    the runtime is not installed, and ProofFailed where the answers are not those of the golden vectors.
    """
    folder = find_artifact(path)
    try:
        return _load(folder, wanted)
    except OSError as error:
        raise BadArtifact(f"{folder}: cannot be read ({error}); see that this user may read all of it") from None


def _load(folder: Path, wanted: str) -> Model:
    manifest = read_manifest(folder)
    verify_outputs(folder, manifest)
    contract = read_contract(folder)
    golden = read_golden(folder)
    _check_sizes(folder, contract, golden)
    runtime, executor = _open(folder, contract, wanted)
    file = contract.file_for(runtime)
    check_golden(golden, executor.run, runtime)
    return Model(
        folder=folder,
        manifest=manifest,
        contract=contract,
        runtime=runtime,
        file=file,
        sha256=next(each.sha256 for each in contract.files if each.file == file),
        size=(folder / file).stat().st_size,
        seconds=_measure(executor, golden.inputs[:1]),
        figures=_figures(folder, file, runtime),
        golden=golden,
        _executor=executor,
    )


def find_artifact(path: Path) -> Path:
    """The folder that holds the contract: `path` itself, or the cpu artefact of the run folder `path`.

    Raises BadArtifact where neither has one.
    """
    for folder in (path, path / "export" / "cpu"):
        if (folder / CONTRACT).is_file():
            return folder
    inside = artifacts_of(path)
    hint = (
        f"it holds {', '.join(map(str, inside))}; name one of those" if inside else "make one with: make train export"
    )
    raise BadArtifact(f"{path}: no {CONTRACT} there, so nothing to serve; {hint}")


def _check_sizes(folder: Path, contract: Contract, golden: Golden) -> None:
    """Raise BadArtifact where contract.json and golden.npz are not of the same model."""
    expected = (contract.input.picture, len(contract.output.labels))
    found = (golden.inputs.shape[1:], golden.outputs.shape[-1])
    if expected != found or len(golden.inputs) != len(golden.outputs):
        raise BadArtifact(
            f"{folder}: the contract has pictures of {expected[0]} and {expected[1]} labels, the golden vectors "
            f"{found[0]} and {found[1]}; export it again"
        )


def _open(folder: Path, contract: Contract, wanted: str) -> tuple[str, Runtime]:
    """The runtime's name, and the model opened in it."""
    proven = {name for model in contract.files for name in model.runtimes}
    quickest_first = sorted(proven & set(RUNTIMES.values()), key=lambda name: name != contract.fastest)
    if not quickest_first:
        raise BadArtifact(
            f"{contract.name} for {contract.target} was proven in {', '.join(sorted(proven))}, none of which "
            "can serve; serve the artefact of the cpu target"
        )
    missing: list[str] = []
    for name in quickest_first if wanted == "auto" else [RUNTIMES[wanted]]:
        try:
            file = folder / contract.file_for(name)
            return name, open_runtime(name, file, layout=contract.input.layout)
        except Unavailable as error:
            missing.append(str(error))
    raise Unavailable("; ".join(missing))


def _measure(executor: Runtime, picture: NDArray[np.uint8]) -> float:
    """Median seconds of one picture."""
    taken = []
    for _ in range(_WARM_UP):
        start = time.perf_counter()
        executor.run(picture)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def _figures(folder: Path, file: str, runtime: str) -> Mapping[str, Any]:
    """What proof.json says of `file` in `runtime`."""
    path = folder / "proof.json"
    if not path.is_file():
        return {}
    proofs = read_json(path).get("proofs", [])
    found: dict[str, Any] = next((each for each in proofs if (each["file"], each["runtime"]) == (file, runtime)), {})
    return found
