"""Stages on disk: one folder each, with a manifest; skipped while the manifest holds; replaced as a whole."""

import errno
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from edge.device.errors import Unavailable
from edge.device.files import replace_folder, restore_folder, write_json
from edge.device.manifest import NAME, Manifest, hash_outputs, read_manifest, verify_outputs, write_manifest

ROOT = Path(__file__).resolve().parent.parent

# What each stage's result depends on beside settings and inputs: our own source, and the tools by distribution name.
_TRAINING = ("pipeline/training", "pipeline/train.py", "pipeline/pretrained.py", "pipeline/data/dataset.py", "models")
_QUANTIZING = (
    *_TRAINING,
    "pipeline/quantize.py",
    "pipeline/quantization",
    "pipeline/forms.py",
    "pipeline/evaluation.py",
    "pipeline/budget.py",
    "pipeline/statistics.py",
)
_EXPORTING = (
    *_QUANTIZING,
    "pipeline/form_store.py",
    "pipeline/fixed_point",
    "pipeline/export.py",
    "pipeline/ladder.py",
    "pipeline/proof.py",
    "pipeline/temperature.py",
    "edge/boards",
    "edge/fixed_point",
    "edge/simulators",
    "edge/targets",
    "edge/cache.py",
    "edge/onnx_file.py",
    "edge/runtimes.py",
    "edge/target.py",
    "edge/tflite.py",
    "edge/tools.py",
    "edge/device/accelerators/build_engine.py",
    "edge/device/accelerators/trtexec.py",
    "edge/device/contract.py",
    "edge/device/files.py",
    "edge/device/golden.py",
    "edge/device/image.py",
    "edge/device/manifest.py",
    "edge/device/npz.py",
    "edge/device/runtimes.py",
    "edge/device/typed.py",
)
_SOURCES: dict[str, tuple[str, ...]] = {
    "data": ("pipeline/data", "edge/device/image.py"),
    "train": _TRAINING,
    "quantize": (*_QUANTIZING, "edge/device/npz.py", "edge/device/runtimes.py", "edge/runtimes.py", "edge/tflite.py"),
    "export": _EXPORTING,
    "report": (
        *_EXPORTING,
        "pipeline/report",
        "pipeline/diagnosis",
        "pipeline/answers.py",
        "pipeline/results.py",
        "pipeline/checking.py",
        "pipeline/machine.py",
        "pipeline/interleave.py",
        "pipeline/subset.py",
        "edge/device/bench_file.py",
        "serving",
    ),
}
_RUNNING = (
    "tensorflow",
    "tf-keras",
    "numpy",
    "tf2onnx",
    "onnx",
    "onnxruntime",
    "ai-edge-litert",
    "openvino",
    "tflite-micro",
)
_TOOLS: dict[str, tuple[str, ...]] = {
    "data": ("numpy", "pillow", "scikit-learn"),
    "train": ("tensorflow", "tf-keras", "numpy"),
    "quantize": ("tensorflow", "tf-keras", "tensorflow-model-optimization", "numpy", "ai-edge-litert"),
    "export": _RUNNING,
    "report": (*_RUNNING, "matplotlib", "scipy", "jinja2"),
}


def origin(stage: str, settings: dict[str, Any], inputs: dict[str, str]) -> Manifest:
    """What the stage's output will depend on: a manifest without outputs."""
    return Manifest(
        stage=stage,
        settings=settings,
        inputs=inputs,
        source=source_hash(stage),
        tools={name: _version(name) for name in _TOOLS[stage]},
        outputs={},
    )


def up_to_date(place: Path, wanted: Manifest) -> bool:
    """Whether `place` holds the output of just that origin.

    Raises BadArtifact where that output, or the manifest, was changed by hand, or the manifest is of another format.
    """
    restore_folder(place)
    if not (place / NAME).exists():
        return False
    found = read_manifest(place)
    if not wanted.same_origin(found):
        return False
    verify_outputs(place, found)
    return True


@contextmanager
def writing(place: Path, wanted: Manifest, work: Path | None = None) -> Iterator[Path]:
    """An empty folder to fill; on success it gets its manifest and takes the place, otherwise it vanishes.

    The checkpoints in `work` are cleared away once the place is taken.
    """
    new = place.with_name(f".{place.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        yield new
        write_manifest(new, replace(wanted, outputs=hash_outputs(new)))
        replace_folder(new, place)
        if work is not None:
            shutil.rmtree(work)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def work_folder(place: Path, wanted: Manifest) -> tuple[Path, bool]:
    """A folder for checkpoints beside `place` that outlives a kill, and whether it holds work of the same origin.

    Work of another origin (a changed recipe, other data) is cleared away.
    """
    work = place.with_name(f".{place.name}.work")
    key = work / "origin.json"
    content = hashlib.sha256(repr(wanted).encode()).hexdigest()
    if key.exists() and key.read_text().strip() == f'"{content}"':
        return work, any(work.glob("*/last"))
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    write_json(key, content)
    return work, False


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Sole use of a run folder.

    Raises Unavailable where another process has it, or the folder cannot be written.
    """
    lock = FileLock(run / ".lock", timeout=0)
    try:
        run.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise Unavailable(
            f"{run}: another edgewise is at work there; wait for it, or give --run another folder"
        ) from None
    except OSError as error:
        raise explain(error, run) from None
    try:
        yield
    finally:
        lock.release()


def explain(error: OSError, place: Path) -> Unavailable:
    """What an operating-system error on one of our folders means, and what to do."""
    advice = {
        errno.ENOSPC: "no space left; what was finished before is kept: free some and run this again",
        errno.EDQUOT: "disk quota reached; what was finished before is kept: free some and run this again",
        errno.EROFS: "a read-only file system; give --run a folder that can be written",
        errno.EACCES: "no permission to write there; give --run a folder that can be written",
        errno.EPERM: "no permission to write there; give --run a folder that can be written",
    }
    path = error.filename or place
    return Unavailable(f"{path}: {advice.get(error.errno or 0, error.strerror or str(error))}")


_version = cache(version)


def _sources(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix in (".py", ".html", ".css", ".js"))


@cache
def source_hash(stage: str) -> str:
    """Hexadecimal SHA-256 over the source files that a stage's result depends on."""
    digest = hashlib.sha256()
    for entry in _SOURCES[stage]:
        path = ROOT / entry
        for file in _sources(path):
            digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
