"""What models answered, kept on disk: running ten thousand pictures through slow kernels twice tells nothing new."""

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from edge.device.contract import Layout
from edge.device.files import DAMAGED_NPZ
from edge.target import sha256_of_model
from pipeline.data.dataset import Samples
from pipeline.data.source import Report
from pipeline.evaluation import Logits, run_in

# What computes in each runtime; another version may answer otherwise.
_PACKAGES = {
    "litert": "ai-edge-litert",
    "litert-reference": "ai-edge-litert",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "tflite-micro": "tflite-micro",
    "tensorflow": "tensorflow",
}


class Answers:
    """Logits by model file, runtime and pictures, in memory and in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Logits] = {}

    def of(self, runtime: str, file: Path, layout: Layout, samples: Samples, report: Report) -> Logits:
        """What `file` in `runtime` answers on `samples`, float32 [n, classes]; run where it is not known.

        Raises BadArtifact, Unavailable.
        """
        key = _key(runtime, file, samples)
        if key not in self._known:
            place = self._folder / f"{key}.npy"
            kept = _read(place, len(samples))
            if kept is None:
                kept = run_in(runtime, file, samples, report, f"{file.parent.name}: {file.name} in {runtime}", layout)
                _write(place, kept)
            self._known[key] = kept
        return self._known[key]

    def forget_others(self, files: Iterable[Path]) -> None:
        """Clear from disk what was answered by models that are none of `files`."""
        models = {_model(file) for file in files}
        for place in self._folder.glob("*-*"):
            if place.name.partition("-")[0] not in models:
                place.unlink(missing_ok=True)

    def keep(self, runtime: str, file: Path, samples: Samples, logits: Logits) -> None:
        """Note what a run of `file` in `runtime` answered on `samples`, so that nobody runs it again."""
        key = _key(runtime, file, samples)
        self._known[key] = logits
        _write(self._folder / f"{key}.npy", logits)


def _key(runtime: str, file: Path, samples: Samples) -> str:
    parts = "\n".join((runtime, _version(runtime), _digest(samples)))
    return f"{_model(file)}-{hashlib.sha256(parts.encode()).hexdigest()[:32]}"


def _model(file: Path) -> str:
    return sha256_of_model(file)[:32]


def _digest(samples: Samples) -> str:
    digest = hashlib.sha256(repr(samples.images.shape[1:]).encode())
    for start in range(0, len(samples), 1024):
        digest.update(samples.pick(np.arange(start, min(start + 1024, len(samples)))).tobytes())
    return digest.hexdigest()


@cache
def _version(runtime: str) -> str:
    try:
        return version(_PACKAGES.get(runtime, runtime))
    except PackageNotFoundError:
        return ""  # our own arithmetic, or a simulator that is built from the file itself


def _read(place: Path, count: int) -> Logits | None:
    """What was kept at `place`; None where there is nothing, or nothing whole."""
    try:
        logits: Logits = np.load(place, allow_pickle=False)
    except DAMAGED_NPZ:
        return None
    return logits if len(logits) == count else None


def _write(place: Path, logits: Logits) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_suffix(".partial")
    with partial.open("wb") as file:
        np.save(file, logits)
    partial.replace(place)
