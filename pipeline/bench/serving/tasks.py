"""The two tasks that every server is given, and the answer that each must come to."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.device.image import read_image
from pipeline.bench.serving.apps.subject import ARTIFACT, RUNTIME
from pipeline.bench.serving.artefacts import Artefacts, photograph
from pipeline.stage import ROOT
from serving.model import Model, load_model

_PHOTOGRAPH = (500, 375)  # pixels, as most of ImageNet's are


@dataclass(frozen=True, kw_only=True)
class Task:
    """`kind` is "tensor" or "picture", `content` its bytes, raw or as a JPEG file; `logits`, float32 [labels], are what
    `model` answers in this process."""

    kind: str
    model: Model
    content: bytes
    logits: NDArray[np.float32]


def tensor_task(artefacts: Artefacts) -> Task:
    """ResNet-8 on the raw bytes of a picture of 32 x 32."""
    model = load_model(artefacts.resnet8, "auto")
    pixels = np.random.default_rng(0).integers(0, 256, model.contract.input.shape, dtype=np.uint8)
    return Task(kind="tensor", model=model, content=pixels.tobytes(), logits=model.logits(pixels)[0])


def picture_task(artefacts: Artefacts) -> Task:
    """MobileNetV2 at 224 px on a JPEG of 500 x 375."""
    return _picture(load_model(artefacts.mobilenet_v2, "auto"), photograph(*_PHOTOGRAPH))


def digits_task(artefacts: Artefacts) -> Task:
    """The small network of the digits on a JPEG of its own size."""
    return _picture(load_model(artefacts.digits, "auto"), photograph(8, 8))


def _picture(model: Model, content: bytes) -> Task:
    logits = model.logits(read_image(content, model.contract.input)[np.newaxis])[0]
    return Task(kind="picture", model=model, content=content, logits=logits)


def write_content(task: Task, folder: Path) -> Path:
    """The content in a file, for programs that read one."""
    file = folder / task.kind
    file.write_bytes(task.content)
    return file


def environment_of_task(task: Task, port: int) -> dict[str, str]:
    """What the programs of `pipeline.bench.serving.apps` are told; others do not look at it."""
    return {
        "PYTHONPATH": str(ROOT),
        "PORT": str(port),
        "BENCH_TASK": task.kind,
        ARTIFACT: str(task.model.folder),
        RUNTIME: task.model.runtime,
    }
