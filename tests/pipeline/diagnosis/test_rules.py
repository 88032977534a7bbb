"""Each rule on evidence made by hand."""

from dataclasses import replace

import pytest

from pipeline.diagnosis.against_float import Judged
from pipeline.diagnosis.culprits import Evidence, wrong_scales
from pipeline.diagnosis.divergence import Divergence, LayerDifference
from pipeline.diagnosis.layers import Layer
from pipeline.diagnosis.noise import Noise, Range
from pipeline.diagnosis.rules import advise
from pipeline.diagnosis.scales import Contradiction

SOUND = Noise(sqnr=36.0, cosine=0.9999, gain=1.0)
FITTING = Range(beyond=0.0, overreach=0.9, bits=8.0, dead_channels=0, channels=8, spread=1.5)


def _layer(number: int) -> Layer:
    kind = "convolution" if number else "input"
    name = f"block{number}" if number else ""
    return Layer(
        number=number, kind=kind, name=name, tensor=number, shape=(1, 8), weights=0, sources=(number - 1,), codes=None
    )


def _judged(number: int, total: Noise = SOUND, own: Noise | None = SOUND, range: Range = FITTING) -> Judged:
    return Judged(layer=_layer(number), float_layer=_layer(number), total=total, own=own, range=range)


def _evidence(*changed: Judged, **fields: object) -> Evidence:
    judged = {number: _judged(number) for number in range(6)} | {each.layer.number: each for each in changed}
    evidence = Evidence(
        precision="int8-ptq",
        layers=tuple(each.layer for each in judged.values()),
        judged=tuple(judged.values()),
        contradictions=(),
        divergences={},
    )
    return replace(evidence, **fields)


def _rules(evidence: Evidence) -> dict[str, tuple[int, ...]]:
    return {each.rule: each.layers for each in advise(evidence)}


def test_a_sound_model_is_told_to_be_so() -> None:
    (advice,) = advise(_evidence())
    assert (advice.rule, advice.kind) == ("all well", "good")


def test_a_constant_multiple_names_the_scale_of_that_layer() -> None:
    evidence = _evidence(_judged(3, own=Noise(sqnr=6.0, cosine=0.999, gain=0.5)))
    advice = advise(evidence)[0]
    assert (advice.rule, advice.layers, advice.kind) == ("gain", (3,), "bad")
    assert "layer 3 convolution block3" in advice.words
    assert "0.50 times" in advice.words


@pytest.mark.parametrize(
    ("range", "kind"),
    [
        (replace(FITTING, overreach=2.0, beyond=0.03), "bad"),
        (replace(FITTING, overreach=1.7, beyond=0.001), "note"),
        (replace(FITTING, overreach=1.1, beyond=0.04), "bad"),
    ],
)
def test_a_range_that_ends_early_is_named_as_gravely_as_it_cuts(range: Range, kind: str) -> None:
    advice = next(each for each in advise(_evidence(_judged(2, range=range))) if each.rule == "cut range")
    assert (advice.layers, advice.kind) == ((2,), kind)


def test_rare_extremes_of_a_fitting_range_are_no_matter() -> None:
    assert "cut range" not in _rules(_evidence(_judged(2, range=replace(FITTING, overreach=1.3, beyond=0.002))))


def test_a_bad_input_is_told_before_anything_in_the_network() -> None:
    evidence = _evidence(_judged(0, total=Noise(sqnr=7.0, cosine=0.98, gain=1.1)))
    assert advise(evidence)[0].rule == "input"


def test_error_in_the_last_layer_alone_advises_to_leave_that_in_float() -> None:
    advice = advise(_evidence(_judged(5, own=Noise(sqnr=20.0, cosine=0.99, gain=1.0))))[0]
    assert (advice.rule, advice.layers, advice.kind) == ("concentrated", (5,), "bad")
    assert "leave that one in float" in advice.words


def test_a_layer_one_bit_below_the_others_is_only_noted() -> None:
    kinds = {each.rule: each.kind for each in advise(_evidence(_judged(2, own=replace(SOUND, sqnr=28.0))))}
    assert kinds == {"all well": "good", "concentrated": "note"}


def test_one_wide_channel_advises_more_precision_there() -> None:
    assert _rules(_evidence(_judged(1, range=replace(FITTING, spread=20.0))))["one channel"] == (1,)


def test_channels_that_never_move_are_named() -> None:
    assert _rules(_evidence(_judged(4, range=replace(FITTING, dead_channels=3))))["dead channels"] == (4,)


def test_error_everywhere_is_no_layer_s_fault() -> None:
    evidence = _evidence(_judged(5, total=Noise(sqnr=12.0, cosine=0.97, gain=1.0)))
    assert "uniform" in _rules(evidence)
    assert "uniform" not in _rules(replace(evidence, precision="int8-qat"))
    assert "aware training" in _rules(replace(evidence, precision="int8-qat"))


@pytest.mark.parametrize(
    ("end", "precision", "kind"),
    [
        (27.0, "int8-qat", "good"),
        (18.0, "int8-qat", "note"),
        (18.0, "int8-ptq", "note"),
        (8.0, "int8-qat", "bad"),
        (-5.0, "int8-ptq", "bad"),
    ],
)
def test_an_answer_far_from_float_is_never_called_good(end: float, precision: str, kind: str) -> None:
    advice = advise(_evidence(_judged(5, total=replace(SOUND, sqnr=end)), precision=precision))
    assert [each.kind for each in advice if each.rule != "aware training"] == [kind]
    assert f"{end:.0f} dB" in advice[0].words


def test_layers_that_have_no_like_are_not_called_well() -> None:
    (advice,) = advise(_evidence(judged=(_judged(0),)))
    assert (advice.rule, advice.kind) == ("not judged", "note")


def _weighted(number: int, own: float) -> Judged:
    judged = _judged(number, total=replace(SOUND, sqnr=own), own=Noise(sqnr=own, cosine=0.1, gain=0.1))
    return replace(judged, layer=replace(judged.layer, weights=72))


def test_other_weights_in_most_layers_are_another_network_and_no_layer_s_fault() -> None:
    # Layer 2 has no weights: on what it receives, it answers well in any network.
    advice = advise(_evidence(*(_weighted(number, -1.0 - number) for number in (1, 3, 4, 5))))
    assert [(each.rule, each.layers, each.kind) for each in advice] == [("another network", (), "bad")]


def test_other_weights_in_one_layer_are_that_layer_s_fault() -> None:
    sound = (replace(each, layer=replace(each.layer, weights=72)) for each in map(_judged, (1, 2, 4, 5)))
    advice = advise(_evidence(*sound, _weighted(3, -2.0)))[0]
    assert (advice.rule, advice.layers, advice.kind) == ("concentrated", (3,), "bad")


def _contradicted(layer: int, source: int, readers: tuple[int, ...]) -> Contradiction:
    return Contradiction(layer=layer, source=source, factor=2.0, readers=readers)


def test_readers_that_all_disagree_blame_what_they_read() -> None:
    found = wrong_scales(_evidence(contradictions=(_contradicted(3, 2, (3, 4)), _contradicted(4, 2, (3, 4)))))
    assert [(each.number, each.part, each.witnesses) for each in found] == [(2, "answer", (3, 4))]


def test_one_reader_of_two_that_disagrees_blames_its_own_weights() -> None:
    found = wrong_scales(_evidence(contradictions=(_contradicted(3, 2, (3, 4)),)))
    assert [(each.number, each.part) for each in found] == [(3, "weights")]


@pytest.mark.parametrize(("gain", "culprit"), [(0.5, (3, "weights")), (0.97, (2, "answer"))])
def test_a_single_reader_tells_by_its_gain(gain: float, culprit: tuple[int, str]) -> None:
    own = Noise(sqnr=8.0, cosine=0.99, gain=gain)
    (found,) = wrong_scales(_evidence(_judged(3, own=own), contradictions=(_contradicted(3, 2, (3,)),)))
    assert (found.number, found.part) == culprit


def test_a_wrong_scale_explains_the_other_signs_of_its_layers() -> None:
    broken = _judged(3, own=Noise(sqnr=6.0, cosine=0.999, gain=0.5))
    rules = _rules(_evidence(broken, contradictions=(_contradicted(3, 2, (3, 4)),)))
    assert rules == {"wrong scale": (3,)}


def _divergence(*differences: tuple[float, float, float]) -> Divergence:
    layers = tuple(
        LayerDifference(layer=_layer(number), differing=share, largest=steps, sqnr=sqnr)
        for number, (share, steps, sqnr) in enumerate(differences)
    )
    return Divergence(layers=layers, label_flips=0, largest_logit=0.1)


def test_single_codes_are_rounding_and_nothing_to_do() -> None:
    evidence = _evidence(
        divergences={"model.tflite in litert": _divergence((0, 0, 120), (0.001, 1, 60), (0.05, 30, 40))}
    )
    advice = next(each for each in advise(evidence) if each.rule == "runtimes")
    assert (advice.layers, advice.kind) == ((1,), "note")
    assert "nothing to do" in advice.words


def test_a_jump_that_rounding_does_not_explain_is_a_fault_where_it_begins() -> None:
    evidence = _evidence(
        divergences={"model.onnx": _divergence((0, 0, 120), (0.001, 1, 60), (0.7, 60, 6), (0.9, 90, 2))}
    )
    advice = advise(evidence)[0]
    assert (advice.rule, advice.layers, advice.kind) == ("runtimes", (2,), "bad")
