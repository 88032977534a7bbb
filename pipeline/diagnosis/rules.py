"""What the evidence means and what to do, in words: one small rule for each cause, the gravest first."""

from collections.abc import Callable

from pipeline.diagnosis.advice import Advice, called, listed
from pipeline.diagnosis.culprits import (
    BIT_DB,
    Evidence,
    cut_layers,
    dominated_layers,
    explained,
    foreign_own,
    noisy_layers,
    rescaled_layers,
    usual_own,
    wrong_scales,
)
from pipeline.diagnosis.runtime_rules import diverging
from pipeline.diagnosis.whole_rules import foreign, learned, on_the_whole

_MOST = 3  # layers that one rule names
LOW_INPUT_DB = 30.0  # an input that is a byte again is exact; 30 dB is what five bits give
DEAD_SHARE = 0.1
CUT_OFTEN = 0.005  # of a layer's values: more than rare extremes
BLAMED_DB = 2 * BIT_DB  # below the usual layer: one bit less is seen in sound networks


def advise(evidence: Evidence) -> tuple[Advice, ...]:
    """All that the rules have to say, the gravest first; one line at least."""
    # Beside another network every layer is wrong, and none to blame.
    rules = _RULES if foreign_own(evidence) is None else _RULES_OF_ANY
    found = [advice for rule in rules for advice in rule(evidence)]
    if not any(advice.kind == "bad" for advice in found):
        found.insert(0, on_the_whole(evidence))
    return tuple(sorted(found, key=lambda advice: ("bad", "good", "note").index(advice.kind)))


def _wrong_scale(evidence: Evidence) -> list[Advice]:
    return [
        Advice(
            rule="wrong scale",
            layers=(each.number,),
            kind="bad",
            words=(
                f"The scale of {'the weights of ' if each.part == 'weights' else ''}{called(evidence, each.number)} is "
                f"{1 / each.factor:.3g} times what it should be: the bias of {listed(evidence, each.witnesses)} was "
                "made for another one. The file is damaged or was edited after it was converted: export it again."
            ),
        )
        for each in wrong_scales(evidence)
    ]


def _rescaled(evidence: Evidence) -> list[Advice]:
    cut = {each.layer.number for each in cut_layers(evidence, frozenset())}
    return [
        Advice(
            rule="gain",
            layers=(each.layer.number,),
            kind="bad",
            words=(
                f"On the inputs that it receives, {called(evidence, each.layer.number)} answers {each.own.gain:.2f} "
                "times what float does: one of its scales is wrong. The file is damaged or was edited: export it again."
            ),
        )
        for each in rescaled_layers(evidence, explained(wrong_scales(evidence)) | cut)
        if each.own
    ]


def _cut(evidence: Evidence) -> list[Advice]:
    advice = []
    for each in cut_layers(evidence, explained(wrong_scales(evidence)))[:_MOST]:
        if each.range is None:
            continue
        often = each.range.beyond >= CUT_OFTEN
        advice.append(
            Advice(
                rule="cut range",
                layers=(each.layer.number,),
                kind="bad" if often else "note",
                words=(
                    f"The codes of {called(evidence, each.layer.number)} end before its values do: these go "
                    f"{each.range.overreach:.2g} times as far, and {each.range.beyond:.2%} are cut off. "
                    + (
                        f"Take more calibration pictures (quantize.calibration_samples) or {_aware(evidence)}; "
                        "about twice as far and in this layer alone, its scale may have been "
                        "edited or damaged: export again."
                        if often
                        else "So few are no matter unless accuracy suffers; then take more calibration pictures "
                        "(quantize.calibration_samples)."
                    )
                ),
            )
        )
    return advice


def _aware(evidence: Evidence) -> str:
    """The advice to train aware of int8, which may have been done already."""
    if evidence.precision == "int8-qat":
        return "train longer aware of int8 (quantize.epochs)"
    return "train aware of int8 (quantize.aware = true)"


def _low_input(evidence: Evidence) -> list[Advice]:
    entry = next((each for each in evidence.judged if each.layer.number == 0), None)
    if entry is None or entry.total.sqnr >= LOW_INPUT_DB or 0 in explained(wrong_scales(evidence)):
        return []
    return [
        Advice(
            rule="input",
            layers=(0,),
            kind="bad",
            words=(
                f"The picture itself arrives with {entry.total.sqnr:.0f} dB where a byte is exact: the input's scale "
                "or zero point is not the one that the network was trained with (model.input_scale, "
                "model.input_offset), or the file was edited."
            ),
        )
    ]


def _noisy(evidence: Evidence) -> list[Advice]:
    usual = usual_own(evidence)
    but = explained(wrong_scales(evidence)) | {each.layer.number for each in cut_layers(evidence, frozenset())}
    noisy = noisy_layers(evidence, but | {each.layer.number for each in rescaled_layers(evidence, frozenset())})[:_MOST]
    if not noisy or usual is None:
        return []
    last = max((each.layer.number for each in evidence.judged), default=0)
    numbers = tuple(each.layer.number for each in noisy)
    if numbers == (last,):
        remedy = "leave that one in float, as the rung int8-selective does."
    else:
        remedy = f"give it back precision (int8-selective, int16x8), or {_aware(evidence)}."
    found = [each.own.sqnr for each in noisy if each.own]
    levels = ", ".join(f"{sqnr:.0f}" for sqnr in found)
    return [
        Advice(
            rule="concentrated",
            layers=numbers,
            kind="bad" if usual - min(found) >= BLAMED_DB else "note",
            words=(
                f"Most error for its size is added in {listed(evidence, numbers)}: {levels} dB on the inputs received, "
                f"where the middle one of all layers has {usual:.0f}. Where accuracy suffers: {remedy}"
            ),
        )
    ]


def _dominated(evidence: Evidence) -> list[Advice]:
    return [
        Advice(
            rule="one channel",
            layers=(each.layer.number,),
            kind="note",
            words=(
                f"One channel of {called(evidence, each.layer.number)} goes {each.range.spread:.0f} times as far as "
                "the middle one, and all share one scale: the others keep few codes. Give this layer 16 "
                f"bits or float (int16x8, int8-selective), or {_aware(evidence)}."
            ),
        )
        for each in dominated_layers(evidence, explained(wrong_scales(evidence)))[:_MOST]
        if each.range and each.range.spread is not None
    ]


def _dead(evidence: Evidence) -> list[Advice]:
    return [
        Advice(
            rule="dead channels",
            layers=(each.layer.number,),
            kind="note",
            words=(
                f"{each.range.dead_channels} of {each.range.channels} channels of "
                f"{called(evidence, each.layer.number)} never leave one code though float varies there: their weights "
                "are too small for the scale. Train aware of int8, or leave the layer in float (int8-selective)."
            ),
        )
        for each in evidence.judged
        if each.range and each.range.dead_channels > DEAD_SHARE * each.range.channels
    ]


_RULES: tuple[Callable[[Evidence], list[Advice]], ...] = (
    _wrong_scale,
    _rescaled,
    _cut,
    _low_input,
    diverging,
    _noisy,
    _dominated,
    _dead,
    learned,
)
# What holds beside any float model: the file's own contradictions, and its runtimes.
_RULES_OF_ANY = (foreign, _wrong_scale, diverging)
