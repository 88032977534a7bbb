"""A piece of advice, and what layers are called in it."""

from dataclasses import dataclass
from typing import Literal

from pipeline.diagnosis.against_float import Judged
from pipeline.diagnosis.culprits import Evidence

Kind = Literal["bad", "note", "good"]


@dataclass(frozen=True, kw_only=True)
class Advice:
    """One thing to know. `rule`: which found it. `layers`: the numbers of those it is about. `kind`: "bad" names who or
    what is to blame, "note" is to be known, "good" says that all is well."""

    rule: str
    layers: tuple[int, ...]
    kind: Kind
    words: str


def called(evidence: Evidence, number: int) -> str:
    """What a layer is called in sentences."""
    labels = {each.number: each.label for each in evidence.layers}
    # The float model's names are those that the network was written with.
    labels |= {each.layer.number: label_of(each) for each in evidence.judged}
    return f"layer {labels[number]}"


def label_of(judged: Judged) -> str:
    """A layer's number and kind with its name in the float model."""
    name = judged.float_layer.name or judged.layer.name
    return f"{judged.layer.number} {judged.layer.kind} {name}".rstrip()


def listed(evidence: Evidence, numbers: tuple[int, ...]) -> str:
    """Several layers as sentences list them."""
    names = [called(evidence, number) for number in numbers]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
