import colorsys
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pydantic import TypeAdapter
from scipy.stats import ttest_1samp

from edge.runtimes import open_runtime
from pipeline.data.source import silent
from pipeline.report import robustness
from pipeline.report.drawing import page_style
from pipeline.report.inspection import Inspection
from pipeline.report.robustness import answers
from pipeline.report.robustness.affordable import MOST, choose
from pipeline.report.robustness.answers import ask_float, corrupted, right_answers
from pipeline.report.robustness.corruptions import CORRUPTIONS, SEVERITIES, corrupt, strengths
from pipeline.report.robustness.facts import Facts, Loss, Model
from pipeline.report.robustness.measurement import _advice, _compare, _loss, measure
from pipeline.report.robustness.verdict import verdict
from pipeline.subset import pick


@pytest.fixture(scope="module")
def facts(inspection: Inspection) -> Facts:
    return measure(inspection)


def photograph(side: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Smooth shapes with an edge: uint8 [1, side, side, channels]."""
    x, y = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side))
    phases = np.random.default_rng(seed).uniform(0, 6, channels)
    planes = [120 + 70 * np.sin(5 * x + phase) * np.cos(4 * y) + 40 * (x > 0.6) for phase in phases]
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)[np.newaxis]


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(tuple(CORRUPTIONS)),
    st.sampled_from(SEVERITIES),
    arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(4, 20), st.integers(4, 20), st.sampled_from((1, 3)))),
)
def test_pictures_are_corrupted_alike_beside_whichever_others(name: str, severity: int, pictures: np.ndarray) -> None:
    numbers = np.arange(100, 100 + len(pictures))
    together = corrupt(name, pictures, severity, numbers)
    assert together.dtype == np.uint8
    assert together.shape == pictures.shape
    for at in range(len(pictures)):
        alone = corrupt(name, pictures[at : at + 1], severity, numbers[at : at + 1])
        np.testing.assert_array_equal(alone[0], together[at])


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize(("side", "channels"), [(32, 3), (28, 1), (96, 3)])
def test_each_severity_changes_a_picture_more_than_the_one_before(name: str, side: int, channels: int) -> None:
    picture = np.repeat(photograph(side, channels), 20, axis=0)
    changes = [
        float(np.abs(corrupt(name, picture, severity, np.arange(20)).astype(float) - picture).mean())
        for severity in SEVERITIES
    ]
    assert changes == sorted(changes)
    assert changes[0] > 0


def test_strengths_are_the_published_ones_at_the_published_sizes() -> None:
    assert strengths("noise", 32) == (0.04, 0.06, 0.08, 0.09, 0.10)
    assert strengths("noise", 224) == (0.08, 0.12, 0.18, 0.26, 0.38)
    assert strengths("blur", 32) == strengths("blur", 8) == (0.4, 0.6, 0.7, 0.8, 1.0)
    assert strengths("blur", 224) == (1, 2, 3, 4, 6)
    assert strengths("blur", 112) == (0.5, 1, 1.5, 2, 3)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_noise_has_the_deviation_that_it_states(severity: int) -> None:
    grey = np.full((50, 32, 32, 3), 128, np.uint8)
    noise = corrupt("noise", grey, severity, np.arange(50)).astype(float) - 128
    assert noise.std() == pytest.approx(255 * strengths("noise", 32)[severity - 1], rel=0.02)
    assert abs(noise.mean()) < 0.3


def test_blur_is_a_convolution_with_a_gaussian() -> None:
    point = np.zeros((1, 33, 33, 1), np.uint8)
    point[0, 16, 16, 0] = 255
    sigma = strengths("blur", 33)[4]
    steps = np.arange(-16, 17)
    bell = np.exp(-(steps**2) / (2 * sigma**2))
    bell /= bell.sum()
    np.testing.assert_allclose(
        corrupt("blur", point, 5, np.zeros(1, int))[0, :, :, 0], 255 * np.outer(bell, bell), atol=0.6
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_what_pillow_reads_back(channels: int) -> None:
    picture = photograph(32, channels)
    file = io.BytesIO()
    Image.fromarray(picture[0].squeeze()).save(file, "JPEG", quality=58)
    expected = np.asarray(Image.open(file)).reshape(picture.shape)
    np.testing.assert_array_equal(corrupt("JPEG", picture, 3, np.zeros(1, int)), expected)


@given(arrays(np.uint8, (1, 4, 4, 3)))
def test_brightness_adds_to_the_value_of_hsv(picture: np.ndarray) -> None:
    brighter = corrupt("brightness", picture, 5, np.zeros(1, int))
    for before, after in zip(picture.reshape(-1, 3), brighter.reshape(-1, 3), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*(before / 255))
        expected = colorsys.hsv_to_rgb(hue, saturation, min(1.0, value + 0.3))
        np.testing.assert_allclose(after, 255 * np.array(expected), atol=0.51)


def test_contrast_shrinks_distances_to_the_mean_of_each_channel() -> None:
    picture = photograph(32)
    means = picture.mean((0, 1, 2))
    np.testing.assert_allclose(
        corrupt("contrast", picture, 5, np.zeros(1, int)), means + 0.15 * (picture - means), atol=0.51
    )


def test_occlusion_hides_one_square_of_the_stated_side() -> None:
    white = np.full((30, 32, 24, 3), 255, np.uint8)
    hidden = corrupt("occlusion", white, 4, np.arange(30))
    places = set()
    for picture in hidden:
        rows, columns = np.nonzero((picture == 128).all(-1))
        assert (np.ptp(rows) + 1, np.ptp(columns) + 1, len(rows)) == (12, 12, 144)
        places.add((rows[0], columns[0]))
    assert len(places) > 10


def test_rotation_turns_as_pillow_does_to_both_sides() -> None:
    picture = photograph(64)
    middle = slice(20, 44)  # what no filled corner reaches
    turned = corrupt("rotation", np.repeat(picture, 20, axis=0), 5, np.arange(20))
    sides = [
        np.asarray(Image.fromarray(picture[0]).rotate(angle, Image.Resampling.BILINEAR))[middle, middle].astype(float)
        for angle in (30, -30)
    ]
    nearest = [[np.abs(each[middle, middle] - side).mean() for side in sides] for each in turned.astype(float)]
    assert max(min(each) for each in nearest) < 2
    assert {int(np.argmin(each)) for each in nearest} == {0, 1}


def test_float_keras_answers_pictures_as_the_train_stage_did(inspection: Inspection) -> None:
    model = inspection.run / "train" / "model.keras"
    logits = ask_float(model, inspection.blind.all(), inspection.child, silent)
    np.testing.assert_allclose(logits, inspection.float_logits.blind_test, atol=1e-4)


def test_figures_are_those_of_a_fresh_count(inspection: Inspection, facts: Facts) -> None:
    """One cell of an artefact, by a loop over pictures."""
    artefact = next(each for each in inspection.models if not each.quickest.simulated)
    subject, blind = artefact.quickest, inspection.blind
    assert facts.pictures == len(blind)  # fewer than a thousand: all of them
    runtime = open_runtime(subject.runtime, subject.file, layout=subject.layout)
    right = 0
    for at in range(len(blind)):
        here = np.array([at])
        changed = corrupt("contrast", blind.pick(here), 4, blind.index[here])
        right += int(runtime.run(changed)[0].argmax() == blind.labels[at])
    compared = next(each for each in facts.compared if each.name == subject.name)
    assert compared.accuracy["contrast"][3] == right / len(blind)
    every = [share for shares in compared.accuracy.values() for share in shares]
    assert compared.mean == pytest.approx(sum(every) / 35)
    assert compared.means["contrast"] == pytest.approx(sum(compared.accuracy["contrast"]) / 5)
    assert compared.by_severity[3] == pytest.approx(sum(each[3] for each in compared.accuracy.values()) / 7)
    cost = facts.costs["contrast"].drop
    assert cost == pytest.approx(facts.float_model.clean - facts.float_model.means["contrast"])
    assert compared.relative == pytest.approx(compared.mean / facts.float_model.mean)
    assert compared.loss.drop == pytest.approx(facts.float_model.mean - compared.mean)


def test_corrupted_pictures_stand_in_the_order_of_corruptions_and_severities(inspection: Inspection) -> None:
    samples = pick(inspection.blind, np.arange(3))
    pictures = corrupted(samples, silent)
    assert len(pictures) == 3 * 35
    place = 3 * (5 * list(CORRUPTIONS).index("occlusion") + 1)
    np.testing.assert_array_equal(
        pictures.pick(np.arange(place, place + 3)), corrupt("occlusion", samples.all(), 2, samples.index)
    )
    np.testing.assert_array_equal(pictures.labels[place : place + 3], samples.labels)


def test_answers_in_rounds_are_those_in_one_and_leave_no_file(
    inspection: Inspection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    samples = pick(inspection.blind, np.arange(11))
    subjects = [each.quickest for each in inspection.models if not each.quickest.simulated][:1]
    at_once = right_answers(inspection, samples, subjects)
    monkeypatch.setattr(answers, "_ROUND_BYTES", 35 * 4 * samples.images[0].nbytes)  # four pictures
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    told: list[tuple[int, int]] = []
    watched = replace(inspection, report=lambda _, done, total: told.append((done, total)))
    in_rounds = right_answers(watched, samples, subjects)
    for one, other in zip(at_once, in_rounds, strict=True):
        assert one.shape == (7, 5, 11)
        np.testing.assert_array_equal(one, other)
    assert {total for _, total in told} == {11 * 35}
    assert max(done for done, _ in told) == 11 * 35
    assert list(tmp_path.iterdir()) == []


def test_plan_asks_a_slow_network_fewer_pictures_and_never_takes_much_longer_than_two_minutes(
    inspection: Inspection,
) -> None:
    artefact = inspection.models[0]

    def planned(seconds: list[float]):
        named = [replace(artefact, target=str(number)) for number in range(len(seconds))]
        return choose(list(zip(named, seconds, strict=True)), (), 0.002, 96 * 96)

    quick = planned([1e-4] * (MOST + 1))
    assert quick.pictures == 1000
    assert [each.target for each in quick.left_out] == [str(MOST)]
    slow = planned([0.025])  # reference kernels that take 50 ms, on two cores
    assert 100 < slow.pictures < 1000
    assert slow.pictures * 35 * 0.027 == pytest.approx(120, rel=0.01)
    mixed = planned([5.0, 0.02])
    assert [each.target for each in mixed.too_slow] == ["0"]
    assert [each.target for each in mixed.asked] == ["1"]
    assert choose([], (), 10.0, 96 * 96).pictures == 30  # float is always asked


def told(clean: float, means: dict[str, float], real: tuple[str, ...]) -> str:
    model = Model(
        name="float Keras",
        precision="float32",
        clean=clean,
        accuracy={name: (share,) * 5 for name, share in means.items()},
        means=means,
        by_severity=(0.5,) * 5,
        mean=0.5,
    )
    costs = {
        name: Loss(drop=clean - share, interval=(0.01 if name in real else -0.01, 0.5)) for name, share in means.items()
    }
    return verdict(179, model, costs)


def test_verdict_calls_nothing_broken_where_no_corruption_costs_anything() -> None:
    words = told(1.0, {"noise": 1.0, "JPEG": 1.0, "blur": 1.0}, ())
    assert words.startswith("No corruption costs float more than these 179 pictures can tell")
    assert "noise, JPEG and blur" in words
    assert "falls" not in told(0.1, {"noise": 0.12, "JPEG": 0.13}, ())  # nor where it gains


def test_verdict_names_ties_and_what_the_pictures_cannot_tell() -> None:
    words = told(0.9, {"noise": 0.5, "JPEG": 0.5, "blur": 0.7, "contrast": 0.89}, ("noise", "JPEG", "blur"))
    assert words == (
        "Noise and JPEG break first: float falls from 90.0 % on clean pictures to 50.0 % on average over the five "
        "severities; then blur (70.0 %). Contrast costs least (89.0 %). These 179 pictures cannot tell that contrast "
        "costs anything."
    )


def planted(inspection: Inspection, lose: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]):
    """What `_compare` finds where float is always right, and the artefact loses what `lose` takes from all."""
    samples = inspection.blind
    clean, right = lose(np.ones(len(samples), bool), np.ones((7, 5, len(samples)), bool))
    logits = np.eye(10, dtype=np.float32)[np.where(clean, samples.labels, (samples.labels + 1) % 10)]
    every = np.ones_like(clean), np.ones_like(right)
    return _compare(inspection.models[0], logits, samples, right, *every)


def test_artefact_that_is_hurt_more_by_corruption_breaks_sooner(inspection: Inspection) -> None:
    def lose(clean: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        right[2, :, ::4] = False
        return clean, right

    found = planted(inspection, lose)
    assert found.sooner.real
    assert [name for name, loss in found.losses.items() if loss.real] == ["JPEG"]
    assert found.relative == pytest.approx(1 - 0.25 / 7, abs=0.01)


def test_artefact_that_loses_as_much_on_clean_pictures_breaks_no_sooner(inspection: Inspection) -> None:
    def lose(clean: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        clean[::10] = False
        right[..., ::10] = False
        return clean, right

    found = planted(inspection, lose)
    assert found.loss.real
    assert found.sooner.drop == pytest.approx(0)
    assert not found.sooner.real


def test_interval_of_a_loss_is_scipys_of_the_mean() -> None:
    lost = np.random.default_rng(0).choice([-0.2, 0, 0, 0.4, 1], 200)
    expected = ttest_1samp(lost, 0).confidence_interval(0.95)
    assert _loss(lost).interval == pytest.approx((expected.low, expected.high))
    assert not _loss(np.ones(1)).real  # one picture tells nothing


def test_advice_names_the_changes_of_training_that_are_left_out(inspection: Inspection, facts: Facts) -> None:
    costly = [
        name for name, shares in facts.float_model.accuracy.items() if sum(shares) / 5 < 0.9 * facts.float_model.clean
    ]
    assert "contrast" in costly  # of digits: 15 % of the contrast is nearly none
    assert ("train.augment.contrast" in facts.advice) == (inspection.recipe.train.augment.contrast == 0)


def test_model_that_came_trained_gets_no_advice_on_training(inspection: Inspection, facts: Facts) -> None:
    recipe = inspection.recipe
    trained = replace(inspection, recipe=replace(recipe, train=replace(recipe.train, epochs=0)))
    assert _advice(trained, facts.float_model) == ()


def test_artefacts_that_only_a_simulator_runs_are_told_and_not_asked(inspection: Inspection) -> None:
    artefact = inspection.models[0]
    subject = replace(artefact.quickest, runtime="tflite-micro")
    simulated = replace(artefact, contract=replace(artefact.contract, fastest="tflite-micro"), subjects=(subject,))
    found = measure(replace(inspection, artefacts=(simulated,)))
    assert found.compared == ()
    assert found.simulated == (subject.name,)
    with page_style():
        assert robustness.draw(found).keys() == {"severity", "examples"}


def test_facts_survive_json_and_drawings_say_what_they_show(facts: Facts) -> None:
    adapter = TypeAdapter(Facts)
    text = json.dumps(adapter.dump_python(facts, mode="json"), allow_nan=False)
    assert adapter.validate_json(text) == facts
    with page_style():
        drawings = robustness.draw(facts)
    assert f"{facts.pictures:,} pictures" in drawings["severity"].words
    assert drawings["examples"].svg.count("<image") == 8
