"""From an artefact's folder to a model that answers as it was proven to, in the best runtime that this device has.

The target's accelerators are tried first, then the runtime that was fastest on the host, then the others that the model
was proven in. One that is missing, dies in its probe or answers otherwise is passed over, and that is said.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import Contract, read_contract
from edge.device.errors import BadArtifact, EdgewiseError, ProofFailed, Unavailable
from edge.device.files import sha256_of
from edge.device.golden import Golden, check_golden, read_golden
from edge.device.runtimes import Runtime, onnxruntime_errors, open_runtime

AUTO = "auto"

_COMPILED = "model_edgetpu.tflite"  # as edgetpu_compiler calls what it makes of model.tflite

# The accelerators of a target in order of preference, and the file that each runs.
_PREFERRED: dict[str, dict[str, str]] = {
    "coral": {"litert-edgetpu": _COMPILED},
    "jetson": dict.fromkeys(("tensorrt", "onnxruntime-tensorrt", "onnxruntime-cuda"), "model.onnx"),
}
_REFERENCE = "litert-reference"  # slow: it is there to define the right answer

# How far an accelerator's logits may be from the reference's, as a share of the largest of those: none was at hand when
# the model was proven, and they round in other places. Not measured on boards yet.
ACCELERATOR_TOLERANCE = 0.05

# Of a runtime and what it stands on, by the name of the module.
_MODULES = ("ai_edge_litert", "tflite_runtime", "onnxruntime", "openvino", "tensorrt", "numpy")


@dataclass(frozen=True)
class Choice:
    """A runtime, and the file of the artefact that it executes."""

    runtime: str
    file: str


@dataclass(frozen=True)
class Loaded:
    """A model that has answered its golden vectors here.

    `file`: its name in `folder`, `sha256` its hash. `fallback`: why each runtime that is preferred to this one was not
    taken, a sentence each. `versions`: of Python and the packages that the runtime stands on, by name.
    """

    folder: Path
    contract: Contract
    golden: Golden
    runtime: str
    file: str
    sha256: str
    executor: Runtime
    fallback: tuple[str, ...]
    versions: Mapping[str, str]


def load(artifact: Path, wanted: str = AUTO, *, engines: Path | None = None, threads: int = 1) -> Loaded:
    """The model in the folder `artifact`, in the best runtime that answers its golden vectors, or in `wanted` alone.

    `engines`: where engines that are built on this device are kept; in the user's cache where it is not given.
    Raises BadArtifact where the folder is damaged or `wanted` is unknown there, ProofFailed where a runtime answers
    otherwise and no other one answers at all, Unavailable where there is none.
    """
    contract, golden = read_contract(artifact), read_golden(artifact)
    order = choices(contract)
    if wanted != AUTO:
        order = [choice for choice in order if choice.runtime == wanted]
        if not order:
            known = ", ".join(choice.runtime for choice in choices(contract))
            raise BadArtifact(f"runtime {wanted!r}: unknown for this {contract.target} model; name one of {known}")
    failures: list[Exception] = []
    for choice in order:
        try:
            executor, digest = _opened(artifact, choice, contract, golden, engines or _user_engines(), threads)
        except _failures() as error:
            failures.append(error if isinstance(error, EdgewiseError) else Unavailable(str(error)))
            continue
        return Loaded(
            folder=artifact,
            contract=contract,
            golden=golden,
            runtime=choice.runtime,
            file=choice.file,
            sha256=digest,
            executor=executor,
            fallback=tuple(_sentence(each, error) for each, error in zip(order, failures)),
            versions=versions(),
        )
    said = "; ".join(_sentence(choice, error) for choice, error in zip(order, failures))
    if any(isinstance(error, ProofFailed) for error in failures):
        raise ProofFailed(f"{contract.name}: no runtime answers as it was proven to: {said}")
    raise Unavailable(f"{contract.name}: no runtime can run it: {said}")


def choices(contract: Contract) -> list[Choice]:
    """What can execute the artefact, in the order in which it is tried; pure, whatever is installed."""
    proven = list(dict.fromkeys(name for model in contract.files for name in model.runtimes))
    rest = [name for name in proven if name not in (contract.fastest, _REFERENCE)]
    last = [_REFERENCE] if _REFERENCE in proven and contract.fastest != _REFERENCE else []
    return [
        *(Choice(name, file) for name, file in _PREFERRED.get(contract.target, {}).items()),
        *(Choice(name, contract.file_for(name)) for name in (contract.fastest, *rest, *last)),
    ]


def check_accelerated(golden: Golden, run: Callable[[NDArray[np.uint8]], NDArray[np.float32]], runtime: str) -> None:
    """Raise ProofFailed unless an accelerator, which no host has proven, answers the golden pictures nearly alike.

    The largest absolute logit of the reference is the measure: no logit may be further off than ACCELERATOR_TOLERANCE
    of it, and each label must be the same but where the reference's two best logits are closer than that.
    """
    answers = run(golden.inputs)
    if answers.shape != golden.outputs.shape:
        raise ProofFailed(
            f"{runtime}: answers of shape {answers.shape}, the golden vectors have {golden.outputs.shape}; export again"
        )
    allowed = ACCELERATOR_TOLERANCE * float(np.abs(golden.outputs).max())
    off = np.abs(answers - golden.outputs).max(axis=1)
    index = int(off.argmax())
    # `not <=`: an answer that is not a number is no match either.
    if not off[index] <= allowed:
        raise ProofFailed(f"{runtime}: golden vector {index} differs by {off[index]:g}, at most {allowed:g} is allowed")
    best = np.sort(golden.outputs, axis=1)[:, -2:]
    clear = best[:, -1] - best[:, 0] >= allowed
    flipped = clear & (answers.argmax(axis=1) != golden.outputs.argmax(axis=1))
    if flipped.any():
        raise ProofFailed(
            f"{runtime}: golden vector {int(flipped.argmax())} gets another label than it was proven with"
        )


def versions() -> dict[str, str]:
    """Of Python and what is loaded of the packages that models run in, by name."""
    loaded = {name: getattr(sys.modules.get(name), "__version__", None) for name in _MODULES}
    return {"python": platform.python_version(), **{name: str(value) for name, value in loaded.items() if value}}


def _opened(
    artifact: Path, choice: Choice, contract: Contract, golden: Golden, engines: Path, threads: int
) -> tuple[Runtime, str]:
    """The runtime, proven, and the SHA-256 of its file."""
    file = artifact / choice.file
    digest = _require_file(file, contract)
    if choice.runtime not in _PREFERRED.get(contract.target, {}):
        executor = open_runtime(choice.runtime, file, layout=contract.input.layout, threads=threads)
        check_golden(golden, executor.run, choice.runtime)
        return executor, digest
    # Imported where one is wanted: a runner on a CPU starts without them.
    from edge.device.accelerators import ACCELERATORS
    from edge.device.accelerators.probe import probe

    accelerator = ACCELERATORS[choice.runtime]
    accelerator.check()
    probe(choice.runtime, artifact, choice.file, threads, engines, accelerator.seconds, accelerator.crash)
    executor = accelerator.open(file, contract, threads, engines)
    check_accelerated(golden, executor.run, choice.runtime)
    if accelerator.keep is not None:
        accelerator.keep(file, engines)
    return executor, digest


def _require_file(file: Path, contract: Contract) -> str:
    """The SHA-256 of a model file; raises BadArtifact where it is not the one of the contract."""
    listed = {model.file: model.sha256 for model in contract.files}
    if file.name not in listed and file.name == _COMPILED:
        raise BadArtifact(
            f"{file.name} is not in this artefact: edgetpu_compiler was not at hand when it was exported, and the CPU "
            "runs the model; see docs/coral.md"
        )
    if file.name not in listed or not file.exists():
        raise BadArtifact(f"{file}: not there; expected a model file; export it again")
    digest = sha256_of(file)
    if digest != listed[file.name]:
        raise BadArtifact(f"{file}: not the file that was proven (SHA-256 {digest[:12]}…); install it again")
    return digest


def _sentence(choice: Choice, error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if text.startswith(f"{choice.runtime}:") else f"{choice.runtime}: {text}"


def _failures() -> tuple[type[Exception], ...]:
    """What runtimes raise of a model that they cannot load or run. ONNX Runtime is not loaded to ask it for its own."""
    own = onnxruntime_errors() if "onnxruntime" in sys.modules else ()
    return (EdgewiseError, OSError, RuntimeError, ValueError, *own)


def _user_engines() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgewise" / "engines"
