import colorsys
import io
import json
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
from pipeline.report.robustness.answers import ask_float, corrupted
from pipeline.report.robustness.corruptions import CORRUPTIONS, SEVERITIES, corrupt, strengths
from pipeline.report.robustness.facts import Facts, _compare, _loss, _part, measure


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


def test_float_keras_answers_a_file_of_pictures_as_the_train_stage_did(inspection: Inspection, tmp_path: Path) -> None:
    file = tmp_path / "pictures.npy"
    np.save(file, inspection.blind.all())
    model = inspection.run / "train" / "model.keras"
    logits = ask_float(model, file, len(inspection.blind), inspection.child, silent)
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
    assert compared.relative == pytest.approx(compared.mean / facts.float_model.mean)
    assert compared.loss.drop == pytest.approx(facts.float_model.mean - compared.mean)


def test_corrupted_pictures_stand_in_the_order_of_corruptions_and_severities(
    inspection: Inspection, tmp_path: Path
) -> None:
    samples = _part(inspection.blind, np.arange(3))
    pictures = corrupted(samples, tmp_path / "pictures.npy", silent)
    assert len(pictures) == 3 * 35
    place = 3 * (5 * list(CORRUPTIONS).index("occlusion") + 1)
    np.testing.assert_array_equal(
        pictures.pick(np.arange(place, place + 3)), corrupt("occlusion", samples.all(), 2, samples.index)
    )
    np.testing.assert_array_equal(pictures.labels[place : place + 3], samples.labels)


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
