"""What models answered, kept on disk: running ten thousand pictures through slow kernels twice tells nothing new."""

import hashlib
import io
import json
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from edge.device.contract import Layout
from edge.device.files import write_bytes
from edge.device.npz import DAMAGED_NPZ
from edge.target import sha256_of_model
from pipeline.data.dataset import Samples
from pipeline.data.source import Report
from pipeline.evaluation import Logits, run_in
from pipeline.machine import this_machine
from pipeline.stage import source_hash

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
    """Logits by model file, runtime and pictures, in memory and in `folder`.

    Without `keep_on_disk` the folder is only read: it may be another's, or cannot be written.
    """

    def __init__(self, folder: Path, *, keep_on_disk: bool = True) -> None:
        self._folder = folder
        self._keep_on_disk = keep_on_disk
        self._known: dict[str, Logits] = {}
        self._digests: dict[int, tuple[Samples, str]] = {}  # by identity, which lasts as long as they are held here

    def of(self, runtime: str, file: Path, layout: Layout, samples: Samples, report: Report) -> Logits:
        """What `file` in `runtime` answers on `samples`, float32 [n, classes]; run where it is not known.

        Raises BadArtifact, Unavailable.
        """
        key = self._key(runtime, file, samples)
        if key not in self._known:
            kept = _read(self._place(key), len(samples))
            if kept is None:
                kept = run_in(runtime, file, samples, report, f"{file.parent.name}: {file.name} in {runtime}", layout)
                self._note(key, kept)
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
        key = self._key(runtime, file, samples)
        self._known[key] = logits
        self._note(key, logits)

    def _note(self, key: str, logits: Logits) -> None:
        if self._keep_on_disk:
            content = io.BytesIO()
            np.save(content, logits)
            self._folder.mkdir(parents=True, exist_ok=True)
            write_bytes(self._place(key), content.getvalue())

    def _key(self, runtime: str, file: Path, samples: Samples) -> str:
        """The processor is part of it: kernels differ between them, and a run folder may come from another machine."""
        parts = "\n".join((runtime, _version(runtime), _processor(), self._digest(samples)))
        return f"{_model(file)}-{hashlib.sha256(parts.encode()).hexdigest()[:32]}"

    def _digest(self, samples: Samples) -> str:
        if id(samples) not in self._digests:
            self._digests[id(samples)] = samples, _digest(samples)
        return self._digests[id(samples)][1]

    def _place(self, key: str) -> Path:
        return self._folder / f"{key}.npy"


@cache
def _processor() -> str:
    machine = this_machine()
    return json.dumps([machine["cpu"], machine["instructions"]])


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
        return source_hash("export")  # our own arithmetic, or a simulator that is built from the file itself


def _read(place: Path, count: int) -> Logits | None:
    """What was kept at `place`; None where there is nothing, or nothing whole."""
    try:
        kept = np.load(place, mmap_mode="r", allow_pickle=False)  # mapped: a damaged head may name any size
    except DAMAGED_NPZ:
        return None
    return np.array(kept) if kept.dtype == np.float32 and kept.ndim == 2 and len(kept) == count else None
