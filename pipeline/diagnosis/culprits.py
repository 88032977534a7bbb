"""Which layers are to blame, and for what: verdicts over the evidence, each of which names one layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Literal

from pipeline.diagnosis.against_float import Judged
from pipeline.diagnosis.divergence import Divergence
from pipeline.diagnosis.layers import Layer
from pipeline.diagnosis.scales import Contradiction

Part = Literal["answer", "weights"]

# A layer's own best-fit factor: calibration and aware training leave it within a few hundredths of 1.
GAIN_LOW, GAIN_HIGH = 0.8, 1.25
ALIKE = 0.95  # the cosine above which a wrong factor is a factor, not another answer
OVERREACH = 1.5  # aware training cuts rare extremes, up to about this
CUT_SHARE = 0.02  # of a layer's values, however little they go too far
BIT_DB = 6.02  # 20 log10(2), what one bit of precision is worth
SOUND_DB = 40.0  # noise of a hundredth of the signal: nothing to gain there
FOREIGN_DB = BIT_DB  # noise of half the signal: eight bits are never so coarse in most layers
SPREAD = 8.0  # the widest channel by the median one: the others lose three of the eight bits


@dataclass(frozen=True, kw_only=True)
class WrongScale:
    """A scale that biases contradict: of a layer's answer, or of its weights. `factor`: what it has to be multiplied
    with."""

    number: int
    part: Part
    factor: float
    witnesses: tuple[int, ...]  # the layers whose bias says so


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that was measured of one model. `divergences` by what they are called, e.g. "model.tflite in litert"."""

    precision: str
    layers: tuple[Layer, ...]
    judged: tuple[Judged, ...]
    contradictions: tuple[Contradiction, ...]
    divergences: Mapping[str, Divergence]


def wrong_scales(evidence: Evidence) -> tuple[WrongScale, ...]:
    """The scales that the file's biases contradict.

    Where all readers of an answer disagree alike, it is that answer's; where some do not, it is the weights' of those
    that do. A single reader tells by its gain: with other weights its answer is wrong by that very factor.
    """
    gains = {each.layer.number: each.own.gain for each in evidence.judged if each.own}
    found: dict[tuple[int, Part], WrongScale] = {}
    for each in evidence.contradictions:
        against = {other.layer for other in evidence.contradictions if other.source == each.source}
        gain = gains.get(each.layer)
        by_gain = len(each.readers) == 1 and gain is not None and abs(gain * each.factor - 1) < 0.1
        part: Part = "weights" if by_gain or against != set(each.readers) else "answer"
        number = each.layer if part == "weights" else each.source
        before = found.get((number, part))
        witnesses = (*(before.witnesses if before else ()), each.layer)
        found[number, part] = WrongScale(number=number, part=part, factor=each.factor, witnesses=witnesses)
    return tuple(found.values())


def explained(wrong: tuple[WrongScale, ...]) -> frozenset[int]:
    """The layers whose other signs need no other explanation."""
    return frozenset(number for each in wrong for number in (each.number, *each.witnesses))


def cut_layers(evidence: Evidence, but: frozenset[int]) -> list[Judged]:
    """The layers whose codes end well before the values do, the worst first."""
    cut = [
        each
        for each in evidence.judged
        if each.range
        and each.layer.number not in but
        and (each.range.overreach >= OVERREACH or each.range.beyond >= CUT_SHARE)
    ]
    return sorted(cut, key=lambda each: each.range.beyond if each.range else 0.0, reverse=True)


def rescaled_layers(evidence: Evidence, but: frozenset[int]) -> list[Judged]:
    """The layers that answer a constant multiple of what float does."""
    return [
        each
        for each in evidence.judged
        if each.own
        and each.own.gain is not None
        and each.own.cosine is not None
        and each.layer.number not in but
        and not GAIN_LOW <= each.own.gain <= GAIN_HIGH
        and each.own.cosine >= ALIKE
    ]


def usual_own(evidence: Evidence) -> float | None:
    """The median of the layers' own SQNR in dB, the input's apart; None where none is known."""
    known = [each.own.sqnr for each in evidence.judged if each.own and each.layer.number]
    return median(known) if known else None


def foreign_own(evidence: Evidence) -> float | None:
    """The median SQNR in dB of what layers with weights answer on their own, where it is such that they hold other
    weights than the float model's; None where it is not."""
    known = [each.own.sqnr for each in evidence.judged if each.own and each.layer.weights]
    return median(known) if known and median(known) < FOREIGN_DB else None


def noisy_layers(evidence: Evidence, but: frozenset[int]) -> list[Judged]:
    """The layers whose own SQNR is not sound, and a bit or more below the usual one, the worst first."""
    usual = usual_own(evidence)
    if usual is None:
        return []
    bound = min(usual - BIT_DB, SOUND_DB)
    noisy = [
        each
        for each in evidence.judged
        if each.own and each.layer.number and each.layer.number not in but and each.own.sqnr < bound
    ]
    return sorted(noisy, key=lambda each: each.own.sqnr if each.own else 0.0)


def dominated_layers(evidence: Evidence, but: frozenset[int]) -> list[Judged]:
    """The layers in which one channel takes the codes from the others, the worst first."""
    dominated = [
        each
        for each in evidence.judged
        if each.range and each.range.spread is not None and each.range.spread >= SPREAD and each.layer.number not in but
    ]
    return sorted(dominated, key=lambda each: (each.range.spread or 0.0) if each.range else 0.0, reverse=True)
