"""What each server answers, read back to floats: all must say what the model says in process."""

import numpy as np
import orjson
from numpy.typing import NDArray

from edge.device.contract import softmax
from pipeline.bench.serving.connection import Answer
from pipeline.bench.serving.tasks import Task

Floats = NDArray[np.float32]


def read_bytes(answer: Answer, _: Task) -> Floats:
    return np.frombuffer(answer.body, np.float32)


def read_v2(answer: Answer, task: Task) -> Floats:
    """Logits behind the JSON of a binary answer, or inside it."""
    labels = len(task.logits)
    try:
        return np.asarray(orjson.loads(answer.body)["outputs"][0]["data"], np.float32)
    except orjson.JSONDecodeError:
        return np.frombuffer(answer.body[-4 * labels :], np.float32)


def read_scores(answer: Answer, task: Task) -> Floats:
    """The scores of /predict, highest first; those of the tensor as they come."""
    if task.kind == "tensor":
        return read_v2(answer, task)
    return np.asarray([each["score"] for each in orjson.loads(answer.body)["scores"]], np.float32)


def expect_scores(task: Task) -> Floats:
    return task.logits if task.kind == "tensor" else np.sort(softmax(task.logits))[::-1][:5]


def read_plain(answer: Answer, task: Task) -> Floats:
    if task.kind == "tensor":
        return read_v2(answer, task)
    return np.asarray(orjson.loads(answer.body)["logits"], np.float32)


def read_nested(answer: Answer, _: Task) -> Floats:
    return np.asarray(orjson.loads(answer.body)[0], np.float32)
