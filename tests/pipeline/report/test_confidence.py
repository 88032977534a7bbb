import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scipy.stats import binomtest
from sklearn.metrics import log_loss

from pipeline.report import confidence
from pipeline.report.confidence.abstention import choose, curve
from pipeline.report.confidence.calibration import BINS, calibration
from pipeline.report.confidence.facts import Facts, _model, measure
from pipeline.report.drawing import Drawing, page_style
from pipeline.report.inspection import Inspection
from pipeline.report.page import _environment
from pipeline.temperature import Fitted


def drawn(count: int, sureness: float = 1.0, seed: int = 0, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are `sureness` times too large for the chances that their labels were drawn with."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (count, classes))
    labels = (logits + random.gumbel(size=logits.shape)).argmax(1)
    return (sureness * logits).astype(np.float32), labels.astype(np.int32)


def scores_of(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits.astype(np.float64))
    return weights / weights.sum(1, keepdims=True)


@given(st.integers(1, 400), st.floats(0.2, 5), st.integers(0, 99))
def test_calibration_error_is_that_of_a_naive_count(count: int, sureness: float, seed: int) -> None:
    logits, labels = drawn(count, sureness, seed)
    expected, largest = 0.0, 0.0
    sure, right = scores_of(logits).max(1), logits.argmax(1) == labels
    for number in range(BINS):
        inside = [at for at in range(count) if number / BINS < sure[at] <= (number + 1) / BINS]
        if inside:
            gap = abs(sum(sure[at] for at in inside) / len(inside) - sum(right[at] for at in inside) / len(inside))
            expected += len(inside) / count * gap
            largest = max(largest, gap) if len(inside) >= 10 else largest
    judged = calibration(logits, labels, 1.0)
    assert judged.ece == pytest.approx(expected, abs=1e-12)
    assert (judged.largest or 0.0) == pytest.approx(largest, abs=1e-12)
    assert sum(each.count for each in judged.bins) == count


def test_likelihood_and_brier_are_those_of_scikit_learn() -> None:
    logits, labels = drawn(500, 2.0)
    judged = calibration(logits, labels, 1.6)
    scores = scores_of(logits / 1.6)
    assert judged.likelihood == pytest.approx(log_loss(labels, scores))
    truth = np.eye(4)[labels]
    assert judged.brier == pytest.approx(float(((scores - truth) ** 2).sum(1).mean()))


def test_likelihood_stays_finite_where_the_true_score_is_too_small_for_a_float() -> None:
    judged = calibration(np.array([[2000.0, 0.0]], np.float32), np.array([1], np.int32), 1.0)
    assert judged.likelihood == pytest.approx(2000)


@pytest.mark.parametrize(("sureness", "sign"), [(3.0, 1), (0.3, -1)])
def test_too_sure_and_too_unsure_models_are_told_apart_from_chance(sureness: float, sign: int) -> None:
    judged = calibration(*drawn(2000, sureness), 1.0)
    assert math.copysign(1, judged.gap) == sign
    assert judged.ece > judged.ece_of_chance
    assert calibration(*drawn(2000, sureness), sureness).ece < judged.ece / 3


def test_calibrated_scores_stay_below_the_error_of_chance_in_most_draws() -> None:
    judged = [calibration(*drawn(150, seed=seed), 1.0) for seed in range(60)]
    assert 50 <= sum(each.ece <= each.ece_of_chance for each in judged) <= 60  # 57 are expected


def test_error_of_bins_of_equal_shares_sees_what_hides_in_one_wide_bin() -> None:
    # All confidences within one bin of equal width; the lower half is always right, the upper never: the two cancel.
    logits = np.array([[math.log(0.94), math.log(0.06)]] * 50 + [[math.log(0.96), math.log(0.04)]] * 50, np.float32)
    labels = np.array([0] * 50 + [1] * 50, np.int32)
    judged = calibration(logits, labels, 1.0)
    assert judged.ece == pytest.approx(0.45, abs=1e-6)
    assert judged.adaptive_ece == pytest.approx(0.5 * 0.06 + 0.5 * 0.96, abs=1e-6)


def test_curve_is_a_naive_count_of_the_surest() -> None:
    random = np.random.default_rng(1)
    sure, right = random.permutation(200).astype(np.float32) / 200, random.random(200) < 0.7
    surest = sorted(zip(sure.tolist(), right.tolist(), strict=True), reverse=True)
    points = curve(sure, right)
    assert points[-1].coverage == 1.0
    assert points[-1].accuracy == pytest.approx(right.mean())
    for point in points:
        count = round(point.coverage * 200)
        assert point.accuracy == pytest.approx(sum(hit for _, hit in surest[:count]) / count)
        assert point.score == surest[count - 1][0]


def judged_pictures(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Confidences that are the chance to be right."""
    random = np.random.default_rng(seed)
    sure = random.uniform(0.3, 1.0, count).astype(np.float32)
    return sure, random.random(count) < sure


def test_threshold_is_the_last_that_passes_downwards_from_the_surest() -> None:
    sure, right = judged_pictures(3000, 0)
    found = choose(0.9, (sure, right), judged_pictures(20_000, 1))
    assert found.score is not None
    lowest = None
    for score in sorted({math.floor(each * 1e4) / 1e4 for each in sure.astype(float)}, reverse=True):
        inside = right[sure >= score]
        if len(inside) < 87:  # three times 29, the least number that passes where all are right
            continue
        if binomtest(int(inside.sum()), len(inside), 0.9, alternative="greater").pvalue > 0.05:
            break
        lowest = score
    assert found.score == lowest
    assert found.verdict in ("holds", "unclear")
    assert found.blind is not None
    assert found.blind.accuracy == pytest.approx(0.9, abs=0.03)


@pytest.mark.parametrize("count", [120, 2000])
def test_promise_is_false_as_seldom_as_it_says_where_no_score_reaches_the_aim(count: int) -> None:
    random, false = np.random.default_rng(0), 0
    for _ in range(400):
        judged = random.random(count).astype(np.float32), random.random(count) < 0.9499
        false += choose(0.95, judged, judged).score is not None
    assert false <= 31  # of 400 draws of 5 %, more come once in a hundred


def test_one_error_among_the_surest_does_not_end_the_search() -> None:
    sure, right = np.linspace(0.1, 1, 2000, dtype=np.float32), np.ones(2000, bool)
    right[-10] = False
    assert choose(0.99, (sure, right), (sure, right)).score == 0


def test_threshold_promised_by_validation_is_missed_where_the_blind_test_is_harder() -> None:
    sure, right = judged_pictures(3000, 0)
    harder = np.random.default_rng(2).random(3000) < 0.7 * sure
    assert choose(0.9, (sure, right), (sure, harder)).verdict == "missed"


def test_no_threshold_is_promised_from_few_pictures_or_bad_answers() -> None:
    few = (np.full(30, 0.99, np.float32), np.ones(30, bool))  # 299 of 299 are the least
    assert choose(0.99, few, few).verdict == "unreachable"
    bad = (np.linspace(0.1, 1, 500, dtype=np.float32), np.zeros(500, bool))
    assert choose(0.95, bad, bad).score is None


def test_everything_is_answered_where_all_is_surely_right() -> None:
    good = (np.linspace(0.1, 1, 500, dtype=np.float32), np.ones(500, bool))
    found = choose(0.99, good, good)
    assert found.score == 0
    assert found.blind is not None
    assert found.blind.coverage == 1
    assert found.verdict == "holds"


def test_facts_of_a_run_are_of_its_contracts_and_survive_json(inspection: Inspection) -> None:
    facts = measure(inspection)
    assert [each.name for each in facts.models[1:]] == [each.quickest.name for each in inspection.models]
    assert facts.models[0].top1 == pytest.approx(
        float((inspection.float_logits.blind_test.argmax(1) == inspection.blind.labels).mean())
    )
    adapter = TypeAdapter(Facts)
    text = json.dumps(adapter.dump_python(facts, mode="json"), allow_nan=False)
    assert adapter.validate_json(text) == facts


def test_thresholds_are_of_the_scores_as_the_contract_makes_them(inspection: Inspection) -> None:
    artefact = inspection.models[0]
    cold = replace(artefact.contract, output=replace(artefact.contract.output, temperature=4.0))
    plain, served = (
        measure(replace(inspection, artefacts=(replace(artefact, contract=contract),))).models[1]
        for contract in (artefact.contract, cold)
    )
    logits = inspection.logits(artefact.quickest)
    assert (plain.temperature, served.temperature) == (1.0, 4.0)
    assert plain.served == plain.plain == served.plain
    assert served.served == calibration(logits, inspection.blind.labels, 4.0) != served.plain
    assert served.curve[-1].score < plain.curve[-1].score


def test_words_are_of_the_scores_at_the_contracts_temperature(inspection: Inspection) -> None:
    artefact = inspection.models[0]
    warm = replace(artefact.contract, output=replace(artefact.contract.output, temperature=50.0))
    facts = measure(replace(inspection, artefacts=(replace(artefact, contract=warm),)))
    page, drawings = shown(facts)
    sure = float((scores_of(inspection.logits(artefact.quickest) / 50).max(1)).mean())
    assert "temperature of 50, which scores are made with, it" in page
    assert f"says {100 * sure:.1f} % on average" in page
    assert ": it is less sure than it may be." in page
    assert f"{artefact.quickest.name}, with logits divided by 50: on average" in drawings["reliability"].words


def test_good_model_with_logits_in_a_large_unit_is_not_called_a_guess(inspection: Inspection) -> None:
    logits, labels = drawn(len(inspection.validation), classes=10)
    judged = np.float32(1000) * logits, replace(inspection.validation, labels=labels)
    model = _model("float Keras", "float32", None, judged, judged)
    assert model.fitted is not None
    assert model.fitted.temperature == pytest.approx(1000, rel=0.3)
    assert model.unfitted == ""


def test_page_says_why_validation_tells_no_temperature(inspection: Inspection) -> None:
    logits, samples = inspection.float_logits.validation, inspection.validation
    right = replace(samples, labels=logits.argmax(1).astype(np.int32))
    blind = (inspection.float_logits.blind_test, inspection.blind)
    model = _model("float Keras", "float32", None, (logits, right), blind)
    assert model.scaled is None
    page, _ = shown(Facts(blind=len(inspection.blind), models=(model,)))
    assert f"Validation tells no temperature: on none of the {len(samples)} validation pictures" in page


def shown(facts: Facts) -> tuple[str, dict[str, Drawing]]:
    """The section of the page, and its drawings."""
    with page_style():
        drawings = confidence.draw(facts)
    return _environment().get_template("confidence/section.html").render(facts=facts, drawings=drawings), drawings


def test_missed_threshold_is_counted_and_no_alarm(inspection: Inspection) -> None:
    facts = measure(inspection)
    missed = replace(facts.models[0].thresholds[0], verdict="missed")
    page, _ = shown(replace(facts, models=(replace(facts.models[0], thresholds=(missed, missed)),)))
    assert "Missed on the blind test: 2 of 2 thresholds" in page
    assert "notice bad" not in page


def test_drawings_say_in_words_what_they_show(inspection: Inspection) -> None:
    facts = measure(inspection)
    with page_style():
        drawings = confidence.draw(facts)
    assert drawings.keys() == {"reliability", "coverage"}
    for drawing in drawings.values():
        assert drawing.svg.startswith("<svg")
        assert f"{facts.blind:,} blind-test pictures" in drawing.words


def test_section_says_what_the_contract_holds_and_what_export_could(inspection: Inspection) -> None:
    facts = measure(inspection)
    sure = calibration(*drawn(2000, 3.0), 1.0)
    better, fitted = calibration(*drawn(2000, 3.0), 3.0), Fitted(temperature=3.0, interval=(2.8, 3.2))
    asking = replace(facts.models[1], served=sure, scaled=better, fitted=fitted)
    holding = replace(asking, name="another", served=better, temperature=3.0)
    page, _ = shown(replace(facts, models=(facts.models[0], asking, holding)))
    assert f"It is worth it for {asking.name}." in page
    assert page.count("temperature of 3, which scores are made with") == 1
