"""What the section says, as plain values."""

from dataclasses import dataclass

from pipeline.quantization.selective import LayerDamage
from pipeline.statistics import Interval


@dataclass(frozen=True, kw_only=True)
class Form:
    """One TFLite form of the network in LiteRT with XNNPACK on this host, one thread.

    `layers_float`: how many layers of int8-selective stay float, 0 for int8-ptq, None for others. `samples`: pictures
    of validation that it was judged on; `drop`: float Keras's top-1 on the same pictures less this one's, shares;
    `drop_interval`: 95 %, Tango's. `latency_ms`: median of one picture, the forms taking turns. `shipped_as`: targets
    whose artefact is this very file or was made from it. `front`: no other form of the front is at least as good in
    accuracy, bytes and latency (up to 3 % more counts as the same) and better in one; otherwise `beaten_by` names those
    that are, the smallest first.
    """

    name: str
    precision: str
    layers_float: int | None
    samples: int
    top1: float
    drop: float
    drop_interval: Interval
    bytes: int
    latency_ms: float
    shipped_as: tuple[str, ...]
    front: bool
    beaten_by: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The selective path for a target that allows it. `layers_float`: the fewest layers that hold its budget and limits
    on these pictures; None where none does. `words` say why."""

    target: str
    budget: float
    layers_float: int | None
    words: str


@dataclass(frozen=True, kw_only=True)
class Rung:
    """A rung of a target's ladder that the export tried: `drop` on all of validation, in the target's own reference;
    `bytes` of its file; None where it was refused before they were known."""

    target: str
    precision: str
    accepted: bool
    reason: str
    drop: float | None
    bytes: int | None


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """An artefact's file in its fastest proven runtime, on the blind test: figures of the proof."""

    target: str
    precision: str
    file: str
    runtime: str
    top1: float
    drop: float
    bytes: int
    latency_ms: float | None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """`float_top1`: of float Keras on the `samples` pictures of validation that most forms were judged on. `rounding`:
    the error of a layer that rounding alone explains, in steps of its output. `missing`: forms that there are none of,
    and why."""

    budget: float
    float_top1: float
    samples: int
    rounding: float
    layers: tuple[LayerDamage, ...]
    forms: tuple[Form, ...]
    missing: dict[str, str]
    choices: tuple[Choice, ...]
    rungs: tuple[Rung, ...]
    shipped: tuple[Shipped, ...]
    verdict: str
