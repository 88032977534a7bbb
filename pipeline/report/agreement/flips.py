"""The pictures that flip: what their flips cost, how close they were, and some of them to look at."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.data.dataset import Samples
from pipeline.evaluation import Logits
from pipeline.report.agreement.answering import Answering
from pipeline.report.agreement.facts import AgainstReference, Flip

SHOWN = 24
_SIDE = 64  # pixels of a picture on the page: more would make a heavy page of large pictures


def against_reference(
    groups: Sequence[Answering], reference: int, truth: NDArray[np.int32], step: float | None
) -> tuple[AgainstReference, ...]:
    """Each group but the reference, against it; `truth` int32 [n], `step` of its output in logits."""
    told = groups[reference]
    found = []
    for position, each in enumerate(groups):
        if position == reference:
            continue
        flipped = _flipped(told, each)
        margins = _margins(told, each, flipped)
        labels, others, right = told.labels[flipped], each.labels[flipped], truth[flipped]
        found.append(
            AgainstReference(
                group=position,
                pictures=int((told.answered & each.answered).sum()),
                flips=len(flipped),
                broken=int(np.count_nonzero(labels == right)),
                mended=int(np.count_nonzero(others == right)),
                # Half a step forgives the rounding of the subtraction: differences are whole steps.
                close=None if step is None else int(np.count_nonzero(margins <= 1.5 * step)),
                widest=float(margins.max()) if len(margins) else None,
            )
        )
    return tuple(found)


def flipping_pictures(groups: Sequence[Answering], reference: int) -> NDArray[np.int64]:
    """Positions of the pictures that any group labels unlike the reference."""
    told = groups[reference]
    anyone: NDArray[np.int64] = np.unique(np.concatenate([_flipped(told, each) for each in groups]))
    return anyone


def shown_flips(
    groups: Sequence[Answering], reference: int, samples: Samples, classes: tuple[str, ...]
) -> tuple[Flip, ...]:
    """At most SHOWN flips: of each group in turn the one that the reference was surest of, each picture once."""
    told = groups[reference]
    queues = []
    for position, each in enumerate(groups):
        flipped = _flipped(told, each)
        order = np.argsort(-_margins(told, each, flipped), kind="stable")
        queues.append([(position, int(flipped[at])) for at in order])
    chosen: dict[int, int] = {}  # picture to group
    for turn in range(max(map(len, queues))):
        for queue in queues:
            if turn < len(queue) and len(chosen) < SHOWN:
                chosen.setdefault(queue[turn][1], queue[turn][0])
    return tuple(
        Flip(
            picture=samples.names[at],
            truth=classes[samples.labels[at]],
            reference=classes[told.labels[at]],
            group=position,
            other=classes[groups[position].labels[at]],
            margin=float(_margins(told, groups[position], np.array([at]))[0]),
            png=_png(samples.pick(np.array([at]))[0]),
        )
        for at, position in chosen.items()
    )


def _flipped(told: Answering, other: Answering) -> NDArray[np.int64]:
    found: NDArray[np.int64] = np.flatnonzero(told.answered & other.answered & (told.labels != other.labels))
    return found


def _margins(told: Answering, other: Answering, at: NDArray[np.int64]) -> NDArray[np.float32]:
    """How much higher the reference's logit of its own label is than its logit of the other's label, at `at`."""
    logits: Logits = _logits(told)[at]
    rows = np.arange(len(at))
    margins: NDArray[np.float32] = logits[rows, told.labels[at]] - logits[rows, other.labels[at]]
    return margins


def _logits(told: Answering) -> Logits:
    if told.logits is None:
        raise ValueError(f"{told.name} tells no logits; expected a reference that does")
    return told.logits


def _png(pixels: NDArray[np.uint8]) -> str:
    picture = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0])
    picture.thumbnail((_SIDE, _SIDE))
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")
