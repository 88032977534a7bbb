"""What models answer to corrupted pictures."""

import itertools
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.dataset import Samples
from pipeline.data.source import Report
from pipeline.evaluation import Logits, run_in
from pipeline.isolate import Child
from pipeline.report.inspection import Inspection, Subject
from pipeline.report.robustness.corruptions import CORRUPTIONS, SEVERITIES, corrupt

_CHUNK = 32  # pictures that are corrupted at once: bounds the memory
_BATCH = 256  # pictures that Keras takes at once
_CALL = 2048  # pictures of one call of the child: between calls progress is told


def corrupted(samples: Samples, file: Path, report: Report) -> Samples:
    """All of `samples` in every corruption, then severity, in CORRUPTIONS' order; kept in `file`, a new .npy.

    As many pictures are too many for memory: they are a map of that file.
    """
    kinds = list(itertools.product(CORRUPTIONS, SEVERITIES))
    total = len(samples) * len(kinds)
    with file.open("wb") as out:  # written, not mapped: a full disk is then an error, and not a crash
        header = {"descr": "|u1", "fortran_order": False, "shape": (total, *samples.images.shape[1:])}
        np.lib.format.write_array_header_1_0(out, header)
        for number, (name, severity) in enumerate(kinds):
            report("corrupting pictures", number, len(kinds))
            for start in range(0, len(samples), _CHUNK):
                positions = np.arange(start, min(start + _CHUNK, len(samples)))
                changed = corrupt(name, samples.pick(positions), severity, samples.index[positions])
                out.write(changed.tobytes())
    return Samples(
        images=np.load(file, mmap_mode="r", allow_pickle=False),
        labels=np.tile(samples.labels, len(kinds)),
        index=np.arange(total),
        names=samples.names * len(kinds),
    )


def ask(subject: Subject, pictures: Samples, inspection: Inspection) -> Logits:
    """What `subject` answers to corrupted pictures, float32 [n, classes]."""
    words = f"corrupted pictures in {subject.name}"
    return run_in(subject.runtime, subject.file, pictures, inspection.report, words, subject.layout)


def ask_float(model: Path, file: Path, count: int, child: Child, report: Report) -> Logits:
    """What the train stage's model.keras answers to the `count` pictures in `file`, a .npy, float32 [n, classes]."""
    parts = []
    for start in range(0, count, _CALL):
        report("corrupted pictures in float Keras", start, count)
        parts.append(child.call(keras_logits, model, file, start, min(start + _CALL, count)))
    return np.concatenate(parts)


def keras_logits(model: Path, file: Path, start: int, stop: int) -> Logits:
    """What `model` answers to the pictures `start` to `stop` in `file`; runs in the child."""
    import tensorflow as tf

    infer, images = _load(model), np.load(file, mmap_mode="r", allow_pickle=False)
    parts = [
        infer(tf.constant(images[at : min(at + _BATCH, stop)])).numpy().astype(np.float32)
        for at in range(start, stop, _BATCH)
    ]
    return np.concatenate(parts)


@cache
def _load(model: Path) -> Any:
    import tf_keras as keras

    from pipeline.training.loop import inference

    return inference(keras.models.load_model(model, compile=False))
