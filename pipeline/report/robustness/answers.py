"""What models answer to corrupted pictures."""

import itertools
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import Samples
from pipeline.data.source import Report
from pipeline.evaluation import Logits, run_in
from pipeline.isolate import Child
from pipeline.report.inspection import Inspection, Subject
from pipeline.report.robustness.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from pipeline.subset import pick

KINDS = tuple(itertools.product(CORRUPTIONS, SEVERITIES))

_CHUNK = 32  # pictures that are corrupted at once: bounds the memory for their float32
_BATCH_PIXELS = 2**22  # what Keras takes at once: 256 pictures at most, and fewer large ones
_ROUND_BYTES = 2**27  # of corrupted pictures at once

Pictures = NDArray[np.uint8]
Truths = NDArray[np.bool_]  # [corruptions, severities, pictures]: whether the answer is right


def right_answers(inspection: Inspection, samples: Samples, subjects: Sequence[Subject]) -> list[Truths]:
    """Whether float Keras, then each of `subjects`, is right about each of `samples` in every corruption and severity.

    So many pictures are too many for memory: they are made in rounds, and gone after each.
    """
    keras = inspection.run / "train" / "model.keras"
    rounds: list[list[Truths]] = []
    for members in _rounds(samples):
        done = sum(each[0].shape[-1] for each in rounds) * len(KINDS)
        report = _within(inspection.report, done, len(samples) * len(KINDS))
        pictures = corrupted(members, report)
        answers = [ask_float(keras, pictures.images, inspection.child, report)]
        for subject in subjects:
            words = f"corrupted pictures in {subject.name}"
            answers.append(run_in(subject.runtime, subject.file, pictures, report, words, subject.layout))
        shape = (len(CORRUPTIONS), len(SEVERITIES), len(members))
        rounds.append([(logits.argmax(axis=1) == pictures.labels).reshape(shape) for logits in answers])
    return [np.concatenate(parts, axis=-1) for parts in zip(*rounds, strict=True)]


def _rounds(samples: Samples) -> Iterator[Samples]:
    most = max(1, _ROUND_BYTES // (len(KINDS) * int(np.prod(samples.images.shape[1:]))))
    for start in range(0, len(samples), most):
        yield pick(samples, np.arange(start, min(start + most, len(samples))))


def _within(report: Report, before: int, total: int) -> Report:
    """A report of one round, of which `before` were done earlier."""
    return lambda words, done, _: report(words, before + done, total)


def corrupted(samples: Samples, report: Report) -> Samples:
    """All of `samples` in every corruption, then severity, in the order of KINDS."""
    count = len(samples)
    images = np.empty((len(KINDS) * count, *samples.images.shape[1:]), np.uint8)
    for number, (name, severity) in enumerate(KINDS):
        report("corrupting pictures", number * count, len(images))
        for start in range(0, count, _CHUNK):
            positions = np.arange(start, min(start + _CHUNK, count))
            images[number * count + positions] = corrupt(
                name, samples.pick(positions), severity, samples.index[positions]
            )
    return Samples(
        images=images,
        labels=np.tile(samples.labels, len(KINDS)),
        index=np.arange(len(images)),
        names=samples.names * len(KINDS),
    )


def ask_float(model: Path, pictures: Pictures, child: Child, report: Report) -> Logits:
    """What the train stage's model.keras answers to `pictures`, uint8 [n, h, w, c]: float32 [n, classes]."""
    height, width = pictures.shape[1:3]
    batch = max(1, min(256, _BATCH_PIXELS // (height * width)))
    parts = []
    for start in range(0, len(pictures), batch):
        report("corrupted pictures in float Keras", start, len(pictures))
        parts.append(child.call(keras_logits, model, pictures[start : start + batch]))
    return np.concatenate(parts)


def keras_logits(model: Path, pictures: Pictures) -> Logits:
    """What `model` answers to one batch of pictures; runs in the child."""
    import tensorflow as tf

    logits: Logits = _load(model)(tf.constant(pictures)).numpy().astype(np.float32)
    return logits


@cache
def _load(model: Path) -> Any:
    import tf_keras as keras

    from pipeline.training.loop import inference

    return inference(keras.models.load_model(model, compile=False))
