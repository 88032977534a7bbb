import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.recipe import Augment
from pipeline.training.augment import augmenter

ALL = Augment(flip=True, crop=0.2, rotate=30, zoom=0.2, brightness=0.2, contrast=0.3, cutout=0.4, mixup=0.5)


def pictures(count: int = 16, size: int = 9) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def change(
    settings: Augment, batch: NDArray[np.uint8], seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    targets = tf.one_hot(np.arange(len(batch)) % 5, 5)
    changed, blended = augmenter(settings)(tf.constant(batch), targets, tf.constant([7, seed], tf.int32))
    return changed.numpy(), blended.numpy()


def test_nothing_asked_for_changes_nothing() -> None:
    changed, targets = change(Augment(), pictures())
    np.testing.assert_array_equal(changed, pictures())
    np.testing.assert_array_equal(targets.argmax(1), np.arange(16) % 5)


def test_same_seed_gives_the_same_pictures_and_another_does_not() -> None:
    first, second, other = (change(ALL, pictures(), seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_pixels_stay_in_range_and_targets_sum_to_one() -> None:
    changed, targets = change(ALL, pictures(64))
    assert changed.dtype == np.float32
    assert changed.min() >= 0
    assert changed.max() <= 255.001  # mixup adds two rounded products
    np.testing.assert_allclose(targets.sum(1), 1, rtol=1e-5)


def test_flip_mirrors_some_pictures_and_leaves_the_others() -> None:
    batch = pictures()
    changed, _ = change(Augment(flip=True), batch)
    same = [np.array_equal(now, before) for now, before in zip(changed, batch, strict=True)]
    mirrored = [np.array_equal(now, before[:, ::-1]) for now, before in zip(changed, batch, strict=True)]
    assert all(a != b for a, b in zip(same, mirrored, strict=True))
    assert any(same)
    assert any(mirrored)


def test_crop_shifts_by_whole_pixels() -> None:
    batch = pictures(size=10)
    changed, _ = change(Augment(crop=0.2), batch)
    for now, before in zip(changed, batch, strict=True):
        padded = np.pad(before, ((2, 2), (2, 2), (0, 0)), mode="edge")
        shifts = [padded[y : y + 10, x : x + 10] for y in range(5) for x in range(5)]
        assert any(np.array_equal(now, shift) for shift in shifts)


def test_rotation_turns_both_ways_within_its_angle() -> None:
    # A mark at the top: turned by at most a right angle, it never comes to the lower half.
    batch = np.zeros((64, 9, 9, 1), np.uint8)
    batch[:, 0, 4] = 255
    changed, _ = change(Augment(rotate=90), batch)
    rows, columns = np.indices((9, 9))
    weight = changed[..., 0] + 1e-9
    middle = np.stack([(weight * axis).sum((1, 2)) / weight.sum((1, 2)) - 4 for axis in (rows, columns)], axis=1)
    assert (middle[:, 0] < 1).all()
    assert middle[:, 1].min() < -2
    assert middle[:, 1].max() > 2


def test_cutout_blanks_one_square_of_grey() -> None:
    changed, _ = change(Augment(cutout=0.5), np.full((32, 10, 10, 3), 10, np.uint8))
    grey = changed == 128
    assert grey.any(axis=(1, 2, 3)).all()
    assert grey.mean(axis=(1, 2, 3)).max() <= 0.36
    np.testing.assert_array_equal(changed[~grey], 10)


def test_mixup_blends_pictures_as_it_blends_targets() -> None:
    batch = np.zeros((8, 4, 4, 1), np.uint8)
    batch[::2] = 200
    targets = tf.constant(np.eye(2, dtype=np.float32)[np.arange(8) % 2])
    changed, blended = augmenter(Augment(mixup=1.0))(tf.constant(batch), targets, tf.constant([0, 1], tf.int32))
    np.testing.assert_allclose(changed.numpy()[:, 0, 0, 0], 200 * blended.numpy()[:, 0], rtol=1e-4, atol=1e-3)
    assert float(blended[:, 0].numpy().std()) > 0.05


@pytest.mark.parametrize("setting", ["crop", "zoom", "brightness", "contrast", "cutout"])
def test_each_change_changes_something(setting: str) -> None:
    changed, _ = change(Augment(**{setting: 0.4}), pictures())
    assert not np.array_equal(changed, pictures())
