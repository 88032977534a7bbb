"""A diagnosis as plain values, for results.json and `edgewise diagnose --json`."""

from dataclasses import dataclass

from pipeline.diagnosis.advice import Advice, called, label_of
from pipeline.diagnosis.against_float import Judged
from pipeline.diagnosis.culprits import Evidence
from pipeline.diagnosis.divergence import LayerDifference


@dataclass(frozen=True, kw_only=True)
class LayerFacts:
    """One layer of a model beside its like in the float model.

    `number` counts in the order of execution; 0 is the picture as the first layer receives it. `shape`: of its answer
    for one picture. SQNRs are in dB, from -120 to 120 where nothing differs: `sqnr` of the answer in the end,
    `own_sqnr` on the inputs that the layer really received, None where that is not known. `cosine`: of the answer in
    the end, -1..1. `gain`: the factor of float's answer that fits best, on the inputs received. Both are None where an
    answer is zero throughout.

    None where the layer answers in float: `beyond`, the share of values that codes cut off; `overreach`, how far values
    go in multiples of the codes' reach; `bits`, how many are in use; `dead_channels` of `channels`, which never leave
    one code; `spread`, the range of the widest channel by the middle one's. `blamed`: advice names the layer as bad.
    """

    number: int
    label: str
    kind: str
    name: str
    shape: tuple[int, ...]
    sqnr: float
    own_sqnr: float | None
    cosine: float | None
    gain: float | None
    beyond: float | None
    overreach: float | None
    bits: float | None
    dead_channels: int | None
    channels: int | None
    spread: float | None
    blamed: bool


@dataclass(frozen=True, kw_only=True)
class DifferenceFacts:
    """`differing`: share of a layer's values that are off by half a step or more; `largest`: in steps; `sqnr`: the
    signal by the difference, in dB, up to 120 where nothing differs."""

    label: str
    differing: float
    largest: float
    sqnr: float


@dataclass(frozen=True, kw_only=True)
class DivergenceFacts:
    """`name`: what was compared with the reference. `first`: the first layer that differs; `fault`: the first that
    differs by more than rounding explains; None where there is none. `faithful`: whether exposing its layers left its
    answers as they are. `label_flips`: pictures with another label; `largest_logit`: the largest difference of a logit.
    `layers` is empty where no layer can be compared: of the exact ONNX twin, whose whole numbers have no scale."""

    name: str
    first: DifferenceFacts | None
    fault: DifferenceFacts | None
    faithful: bool
    label_flips: int
    largest_logit: float
    layers: tuple[DifferenceFacts, ...]


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What was found about the model `name` on `samples` pictures. `alone`: layers without a like in the float model,
    `alone_in_float`: the other way round. `not_compared`: runtimes whose layers could not be looked at, and why.
    `advice`: the gravest first."""

    name: str
    precision: str
    samples: int
    faithful: bool
    layers: tuple[LayerFacts, ...]
    alone: tuple[str, ...]
    alone_in_float: tuple[str, ...]
    divergences: tuple[DivergenceFacts, ...]
    not_compared: tuple[str, ...]
    advice: tuple[Advice, ...]


def layer_facts(judged: Judged, blamed: frozenset[int]) -> LayerFacts:
    """One judged layer; `blamed` are the numbers of those that advice names."""
    layer, own, found = judged.layer, judged.own, judged.range
    return LayerFacts(
        number=layer.number,
        label=label_of(judged),
        kind=layer.kind,
        name=judged.float_layer.name or layer.name,
        shape=judged.float_layer.shape[1:],
        sqnr=judged.total.sqnr,
        own_sqnr=own.sqnr if own else None,
        cosine=judged.total.cosine,
        gain=own.gain if own else None,
        beyond=found.beyond if found else None,
        overreach=found.overreach if found else None,
        bits=found.bits if found else None,
        dead_channels=found.dead_channels if found else None,
        channels=found.channels if found else None,
        spread=found.spread if found else None,
        blamed=layer.number in blamed,
    )


def divergence_facts(name: str, evidence: Evidence, *, faithful: bool) -> DivergenceFacts:
    """What `name` does otherwise than the reference."""
    divergence = evidence.divergences[name]
    first, fault = divergence.first, divergence.fault
    return DivergenceFacts(
        name=name,
        first=_difference_facts(first, evidence) if first else None,
        fault=_difference_facts(fault, evidence) if fault else None,
        faithful=faithful,
        label_flips=divergence.label_flips,
        largest_logit=divergence.largest_logit,
        layers=tuple(_difference_facts(each, evidence) for each in divergence.layers),
    )


def _difference_facts(difference: LayerDifference, evidence: Evidence) -> DifferenceFacts:
    return DifferenceFacts(
        label=called(evidence, difference.layer.number).removeprefix("layer "),
        differing=difference.differing,
        largest=difference.largest,
        sqnr=difference.sqnr,
    )
