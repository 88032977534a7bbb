"""What the section says, as plain values."""

from dataclasses import dataclass

from pipeline.statistics import Interval


@dataclass(frozen=True, kw_only=True)
class ClassCoverage:
    """How many pictures of the training split and of the calibration set show a class."""

    label: str
    training: int
    calibration: int


@dataclass(frozen=True, kw_only=True)
class Range:
    """One activation of int8-ptq: real values `low`..`high` have a code of their own, others are clipped to the ends.

    `seen_low`, `seen_high`: the extremes of the float network on the audit's validation pictures. `outside`: share of
    its values there that are clipped, 0..1. `used`: the share of the codes that 99.8 % of the values take up, 0..1.
    """

    layer: str
    low: float
    high: float
    seen_low: float
    seen_high: float
    outside: float
    used: float


@dataclass(frozen=True, kw_only=True)
class Trial:
    """int8-ptq converted anew with another set. `samples`: pictures in it, drawn from training with `seed`, classes in
    turn. `drop`: float's top-1 on the audit's validation pictures less this one's; `difference`: its drop less that of
    the recipe's own set, `difference_interval`: Tango's, 95 % for all trials of its size together; all shares."""

    samples: int
    seed: int
    drop: float
    difference: float
    difference_interval: Interval


@dataclass(frozen=True, kw_only=True)
class Facts:
    """`samples`: pictures in the set that quantize used; `audited`: validation pictures that trials are judged on in
    LiteRT with XNNPACK; `ranged`: those whose activations are held against the ranges. `own_drop`: of int8-ptq with the
    recipe's own set. `depends_on_it`: targets whose artefact takes its ranges from the set; others learned them.
    `as_recorded`: whether the pictures are still those that quantize noted down. `left_out`: trials that time did not
    allow. `verdict`: what all that says, in sentences."""

    samples: int
    seed: int
    classes: tuple[ClassCoverage, ...]
    as_recorded: bool
    depends_on_it: tuple[str, ...]
    ranges: tuple[Range, ...]
    ranged: int
    audited: int
    own_drop: float
    trials: tuple[Trial, ...]
    left_out: int
    verdict: tuple[str, ...]
