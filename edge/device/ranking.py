"""An answer as people read it: the best labels with their scores, and where the time went."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import Output
from edge.device.errors import Refused


def read_top(text: str | None, labels: int) -> int:
    """How many scores a query's ?top= asks for: five or all `labels` where it is not there.

    Raises Refused 400 where it is no such number.
    """
    if text is None:
        return min(5, labels)
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= labels):
        raise Refused(400, f"query 'top': {text[:32]!r}; expected 1 to {labels}, the number of labels")
    return int(text)


def ranked(output: Output, logits: NDArray[np.float32], top: int) -> list[dict[str, Any]]:
    """The `top` best labels of float32 logits [labels], the best first; a score that is no number is None."""
    scores = output.scores(logits)
    best = np.argsort(-logits, kind="stable")[:top]  # logits: their scores may tie where a temperature is high
    return [{"label": output.labels[index], "score": _number(float(scores[index]))} for index in best]


def milliseconds(seconds: Mapping[str, float]) -> dict[str, float]:
    """Seconds by step as milliseconds, and their sum as "total"."""
    return {
        **{name: round(1000 * value, 4) for name, value in seconds.items()},
        "total": round(1000 * sum(seconds.values()), 4),
    }


def _number(score: float) -> float | None:
    return score if math.isfinite(score) else None
