"""Published data sets, where they lie beside the repository."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.data.dataset import Split, load_dataset
from pipeline.data.prepare import prepare
from pipeline.data.source import silent
from pipeline.recipe import Data

DATA = Path(__file__).parents[4] / "shared" / "data"


def at_hand(name: str) -> Path:
    if not (DATA / name).exists():
        pytest.skip(f"{name} is not beside the repository, in ../shared/data")
    return DATA / name


def test_flowers_archive_gives_its_published_counts(empty):
    settings = Data(source="images", root=at_hand("flowers.tar.xz"), image_size=160)
    summary = prepare(settings, empty, silent)
    assert list(summary.classes) == ["daisy", "dandelion", "roses", "sunflowers", "tulips"]
    assert all(counts["blind_test"] == 60 for counts in summary.classes.values())
    assert all(counts["training"] + counts["validation"] == 250 for counts in summary.classes.values())
    assert not summary.unreadable


def test_fashion_mnist_arrays_keep_their_pixels(empty):
    place = at_hand("fashion_mnist.npz")
    prepare(Data(source="npz", root=place, image_size=28, colour="GREY"), empty, silent)
    dataset = load_dataset(empty)
    with np.load(place) as arrays:
        assert np.array_equal(dataset.images[dataset.split == Split.BLIND_TEST][..., 0], arrays["x_test"])
        assert np.array_equal(dataset.images[dataset.split != Split.BLIND_TEST][..., 0], arrays["x_train"])
        assert np.array_equal(dataset.part(Split.BLIND_TEST).labels, arrays["y_test"])
