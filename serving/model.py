"""The model that is served: an artefact whose files are unchanged, loaded, warm, and equal to its golden vectors."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import NAME as CONTRACT
from edge.device.contract import Contract, read_contract
from edge.device.errors import BadArtifact
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

    @property
    def version(self) -> str:
        """The first twelve digits of the model file's SHA-256: another file is another version."""
        return self.sha256[:12]

    def logits(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits, float32 [n, labels], of raw pictures, uint8 [n, h, w, c]. May be called from any thread."""
        with self._lock:
            return self._executor.run(batch)


def load_model(path: Path, wanted: str) -> Model:
    """Load the artefact at `path`, a folder with a contract or a run folder, in the runtime `wanted` or "auto".

    "auto" is the runtime that the contract names as the fastest, or the first that is installed and proven.
    Raises BadArtifact where the artefact is missing, was changed or was not proven in that runtime, Unavailable where
    the runtime is not installed, and ProofFailed where the answers are not those of the golden vectors.
    """
    folder = find_artifact(path)
    manifest = read_manifest(folder)
    verify_outputs(folder, manifest)
    contract = read_contract(folder)
    golden = read_golden(folder)
    runtime = _choose(contract, wanted)
    file = contract.file_for(runtime)
    executor = open_runtime(runtime, folder / file, layout=contract.input.layout)
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
    inside = sorted(each.parent for each in path.glob(f"export/*/{CONTRACT}"))
    hint = (
        f"it holds {', '.join(map(str, inside))}; name one of those" if inside else "make one with: make train export"
    )
    raise BadArtifact(f"{path}: no {CONTRACT} there, so nothing to serve; {hint}")


def _choose(contract: Contract, wanted: str) -> str:
    if wanted != "auto":
        return RUNTIMES[wanted]
    proven = {name for model in contract.files for name in model.runtimes}
    if contract.fastest in RUNTIMES.values():
        return contract.fastest
    for name in RUNTIMES.values():
        if name in proven:
            return name
    raise BadArtifact(
        f"{contract.name} for {contract.target} was proven in {', '.join(sorted(proven))}, none of which can serve; "
        "serve the artefact of the cpu target"
    )


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
