"""Copies of pictures are found in photographs where they were planted, and nowhere else."""

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images

from pipeline.data.dataset import Dataset, Split
from pipeline.data.source import silent
from pipeline.report.integrity.copies import find_leaks
from pipeline.report.integrity.likeness import most_alike, reduced

Pixels = NDArray[np.uint8]

SIDE = 120  # pixels, three to one that is compared
STEP = 60


@pytest.fixture(scope="module")
def patches() -> Pixels:
    """Parts of two photographs, half over each other, uint8 [n, 120, 120, 3]."""
    return np.stack(
        [
            photograph[top : top + SIDE, left : left + SIDE]
            for photograph in load_sample_images().images
            for top in range(0, 427 - SIDE, STEP)
            for left in range(0, 640 - SIDE, STEP)
        ]
    )


@pytest.fixture(scope="module")
def dataset(patches: Pixels) -> Dataset:
    """Every fourth patch is blind test, the rest training and validation."""
    count = len(patches)
    split = np.array(
        [(Split.BLIND_TEST, Split.TRAINING, Split.TRAINING, Split.VALIDATION)[at % 4] for at in range(count)]
    )
    return Dataset(
        images=patches,
        labels=(np.arange(count) % 3).astype(np.int32),
        split=split.astype(np.uint8),
        names=tuple(f"patch{at}.png" for at in range(count)),
        classes=("a", "b", "c"),
    )


def as_jpeg(picture: Pixels) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=75)
    return np.asarray(Image.open(file))


def brighter(picture: Pixels) -> Pixels:
    return np.clip(picture.astype(np.int64) + 12, 0, 255).astype(np.uint8)


def shifted(picture: Pixels) -> Pixels:
    return np.roll(picture, (3, -3), axis=(0, 1))


def mirrored(picture: Pixels) -> Pixels:
    return picture[:, ::-1]


def with_blind(dataset: Dataset, change: Callable[[Pixels], Pixels]) -> tuple[Dataset, dict[int, int]]:
    """Ten blind-test pictures replaced by changed ones of training and validation, and of which."""
    blind = np.flatnonzero(dataset.split == Split.BLIND_TEST)[:10]
    others = np.flatnonzero(dataset.split != Split.BLIND_TEST)
    twins = others[np.argsort(-dataset.images[others].std((1, 2, 3)))[:10]]  # a sky has too little to be known by
    images = dataset.images.copy()
    images[blind] = np.stack([change(picture) for picture in dataset.images[twins]])
    return replace(dataset, images=images), dict(zip(blind.tolist(), twins.tolist(), strict=True))


def test_leaks_of_different_photographs_are_none(dataset: Dataset) -> None:
    leaks = find_leaks(dataset, silent)
    assert leaks.similar is not None
    assert (len(leaks.identical), len(leaks.similar), leaks.copies, leaks.conflicts) == (0, 0, (), ())
    assert leaks.compared == np.count_nonzero(dataset.split == Split.BLIND_TEST)


@pytest.mark.parametrize("change", [as_jpeg, brighter, shifted, mirrored])
def test_leaks_name_pictures_that_were_changed_a_little(dataset: Dataset, change: Callable[[Pixels], Pixels]) -> None:
    changed, planted = with_blind(dataset, change)
    leaks = find_leaks(changed, silent)
    assert leaks.similar is not None
    assert not len(leaks.identical)
    assert set(leaks.similar.tolist()) <= set(planted)
    found = {(copy.picture, copy.original) for copy in leaks.copies}
    expected = {(f"patch{at}.png", f"patch{twin}.png") for at, twin in planted.items()}
    assert found <= expected
    assert len(found) >= 9  # of ten
    assert all(copy.mirrored == (change is mirrored) for copy in leaks.copies)
    splits = {f"patch{at}.png": Split(dataset.split[at]).name.lower() for at in planted.values()}
    assert all(copy.split == splits[copy.original] for copy in leaks.copies)


def test_leaks_of_identical_pictures_are_not_counted_as_similar(dataset: Dataset) -> None:
    changed, planted = with_blind(dataset, lambda picture: picture)
    leaks = find_leaks(changed, silent)
    assert leaks.similar is not None
    assert sorted(leaks.identical.tolist()) == sorted(planted)
    assert len(leaks.similar) == 0
    assert all(copy.likeness == 1.0 for copy in leaks.copies)


def test_leaks_tell_identical_pictures_of_different_labels(dataset: Dataset) -> None:
    images = dataset.images.copy()
    images[9] = images[5]  # labels 0 and 2, both training
    images[6] = images[3]  # both label 0
    leaks = find_leaks(replace(dataset, images=images), silent)
    assert leaks.conflicts == ((5, 9),)


def test_leaks_of_small_pictures_are_identical_ones_alone(dataset: Dataset) -> None:
    small = replace(dataset, images=dataset.images[:, :8, :8, :1].copy())
    leaks = find_leaks(small, silent)
    assert leaks.similar is None
    assert leaks.compared == 0


def test_likeness_is_the_correlation_of_numpy(patches: Pixels) -> None:
    """For one pair without a shift, against numpy's own coefficient."""
    first = patches[np.argmax(patches.std((1, 2, 3)))][np.newaxis, :40, :40]
    noise = np.random.default_rng(0).normal(0, 5, first.shape)
    second = np.clip(first + noise, 0, 255).astype(np.uint8)
    likeness = most_alike(reduced(first), reduced(second))
    one, other = reduced(first)[0, 1:-1, 1:-1], reduced(second)[0, 1:-1, 1:-1]
    assert likeness.brightness[0] == pytest.approx(np.corrcoef(one.ravel(), other.ravel())[0, 1], abs=1e-5)


def test_reduced_pictures_are_averages_of_their_blocks(patches: Pixels) -> None:
    small = np.ascontiguousarray(patches[:2, ::3, ::3])
    large = small.repeat(3, axis=1).repeat(3, axis=2)
    grey = [np.asarray(Image.fromarray(patch).convert("L")) for patch in small]
    np.testing.assert_array_equal(reduced(large), np.stack(grey))


def test_reduced_of_a_mirrored_picture_is_mirrored(patches: Pixels) -> None:
    large = patches[:2, :100, :98]
    np.testing.assert_array_equal(reduced(large[:, :, ::-1]), reduced(large)[:, :, ::-1])


def test_likeness_of_flat_pictures_is_none(patches: Pixels) -> None:
    flat = np.full((3, SIDE, SIDE, 3), 90, np.uint8)
    assert not most_alike(reduced(flat), reduced(patches)).alike.any()
    assert not most_alike(reduced(patches), reduced(flat)).alike.any()
