"""digits, npz and tfds; folders and archives have files of their own."""

import pickle
import re
import sys
from importlib import metadata, util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edge.device.errors import BadData, Unavailable
from edge.device.image import fit
from pipeline.data.colour import in_colour
from pipeline.data.dataset import Split, load_dataset
from pipeline.data.prepare import fingerprint, prepare
from pipeline.data.source import silent
from pipeline.data.sources import SOURCES
from pipeline.recipe import Data

NOISE = np.random.default_rng(3).integers(0, 256, (40, 6, 7, 3), dtype=np.uint8)
LABELS = np.arange(40) % 4


def save(place: Path, **arrays: Any) -> Data:
    np.savez_compressed(place / "data.npz", **arrays)
    return Data(source="npz", root=place / "data.npz", image_size=6, minimum_per_class=1)


@pytest.mark.parametrize("colour", ["GREY", "RGB"])
def test_digits_are_those_of_scikit_learn(empty, colour):
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    summary = prepare(Data(source="digits", image_size=8, colour=colour), empty, silent)
    dataset = load_dataset(empty)
    assert summary.pictures == 1797
    assert dataset.classes == tuple("0123456789")
    original = sklearn_datasets.load_digits()
    assert np.array_equal(dataset.labels, original.target)
    expected = np.minimum(original.images.astype(int) * 16, 255)
    for channel in range(dataset.images.shape[3]):
        assert np.array_equal(dataset.images[..., channel], expected)


def test_digits_are_resized_by_the_contracts_rule(empty):
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    prepare(Data(source="digits", image_size=32, colour="GREY"), empty, silent)
    first = np.minimum(sklearn_datasets.load_digits().images[0] * 16, 255).astype(np.uint8)[..., None]
    assert np.array_equal(load_dataset(empty).images[0], fit(first, 32, 32, "stretch"))


def test_digits_fingerprint_is_the_version_of_scikit_learn():
    assert fingerprint(Data(source="digits")) == {"digits": f"scikit-learn {metadata.version('scikit-learn')}"}


def test_npz_with_given_parts_keeps_them(tmp_path, empty):
    settings = save(
        tmp_path,
        x_train=NOISE[:20],
        y_train=LABELS[:20, None],
        x_val=NOISE[20:28],
        y_val=LABELS[20:28],
        x_test=NOISE[28:],
        y_test=LABELS[28:].astype(np.uint8),
        classes=np.array(["a", "b", "c", "d"]),
        other=np.zeros(3),
    )
    prepare(settings, empty, silent)
    dataset = load_dataset(empty)
    assert dataset.classes == ("a", "b", "c", "d")
    assert [len(dataset.part(split)) for split in Split] == [20, 8, 12]
    assert dataset.names[20] == "val/000000"
    for at in (0, 19, 20, 27, 28, 39):
        assert np.array_equal(dataset.images[at], fit(NOISE[at], 6, 6, "stretch"))


def test_npz_without_parts_is_split(tmp_path, empty):
    prepare(save(tmp_path, x=NOISE[..., 0], y=LABELS), empty, silent)
    dataset = load_dataset(empty)
    assert dataset.classes == ("0", "1", "2", "3")
    assert [len(dataset.part(split)) for split in Split] == [28, 8, 4]
    assert np.array_equal(dataset.images[5], np.repeat(fit(NOISE[5, ..., :1], 6, 6, "stretch"), 3, axis=2))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": NOISE / 255, "y": LABELS}, r"x is float64; expected uint8.*astype\('uint8'\)"),
        ({"x": NOISE[..., :2], "y": LABELS}, r"x has shape \(40, 6, 7, 2\); expected \[n, h, w\]"),
        ({"x": NOISE[:, 0, 0], "y": LABELS}, r"x has shape \(40, 3\)"),
        ({"x": NOISE, "y": LABELS[:-1]}, "y has 39 labels for 40 pictures"),
        ({"x": NOISE, "y": LABELS / 2}, "y is float64 of shape .*expected whole numbers"),
        ({"x": NOISE, "y": np.eye(4)[LABELS].astype(int)}, r"y is int64 of shape \(40, 4\)"),
        ({"x": NOISE, "y": LABELS - 1}, r"y has values -1\.\.2; expected classes counted from 0"),
        ({"x": NOISE, "y": LABELS, "classes": np.array(["a", "b"])}, "classes names 2, labels go up to 3"),
        ({"x": NOISE, "y": LABELS, "classes": np.array(["a", "a", "b", "c"])}, "expected different texts"),
        ({"x": NOISE, "y": LABELS * 2}, "no pictures in class 1, 3, 5"),
        ({"x": NOISE[:0], "y": LABELS[:0]}, "no pictures found"),
        ({"images": NOISE}, "holds none of them; expected x and y, or x_train"),
        ({"x_test": NOISE, "y_test": LABELS}, "holds x_test, y_test; expected x and y"),
        ({"x_train": NOISE, "y_train": LABELS, "x_test": NOISE}, "holds x_train, y_train, x_test; expected"),
    ],
)
def test_npz_refuses_arrays_that_are_no_data_set(tmp_path, empty, arrays, message):
    with pytest.raises(BadData, match=message):
        prepare(save(tmp_path, **arrays), empty, silent)
    assert not list(empty.iterdir())


class Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return (sys.exit, ("ran",))


def test_npz_never_unpickles(tmp_path, empty):
    settings = save(tmp_path, x=NOISE, y=np.array([Harm()] * 40, object))
    with pytest.raises(BadData, match="holds pickled objects, which may run code"):
        prepare(settings, empty, silent)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04broken", pickle.dumps([1, 2])])
def test_npz_refuses_other_files(tmp_path, empty, content):
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(BadData, match=r"data\.npz: not a NumPy \.npz file"):
        prepare(Data(source="npz", root=tmp_path / "data.npz"), empty, silent)


def test_npz_refuses_a_truncated_file_a_single_array_and_a_folder(tmp_path, empty):
    settings = save(tmp_path, x=NOISE, y=LABELS)
    content = (tmp_path / "data.npz").read_bytes()
    (tmp_path / "data.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(BadData, match="not a NumPy"):
        prepare(settings, empty, silent)
    np.save(tmp_path / "one.npy", NOISE)
    with pytest.raises(BadData, match="a single array; expected x and y"):
        prepare(Data(source="npz", root=tmp_path / "one.npy"), empty, silent)
    with pytest.raises(BadData, match="not a NumPy"):
        prepare(Data(source="npz", root=tmp_path), empty, silent)


def test_npz_fingerprint_changes_with_the_file(tmp_path):
    settings = save(tmp_path, x=NOISE, y=LABELS)
    first = fingerprint(settings)
    save(tmp_path, x=NOISE[:8], y=LABELS[:8])
    assert fingerprint(settings) != first
    with pytest.raises(BadData, match=r"data\.root.*--set data\.root=FOLDER"):
        fingerprint(Data(source="npz", root=tmp_path / "nowhere.npz"))


@pytest.mark.skipif(util.find_spec("tensorflow_datasets") is not None, reason="TensorFlow Datasets is installed")
def test_tfds_names_the_command_that_installs_it(empty):
    with pytest.raises(Unavailable, match=re.escape("run `pip install tensorflow-datasets`")):
        prepare(Data(source="tfds", dataset="mnist"), empty, silent)


def test_tfds_reads_a_root_at_hand_without_the_package(tmp_path, empty):
    root = save(tmp_path, x=NOISE, y=LABELS).root
    settings = Data(source="tfds", dataset="mnist", root=root, image_size=6, minimum_per_class=1)
    assert set(fingerprint(settings)) == {"size", "mtime_ns"}
    assert prepare(settings, empty, silent).source == "npz"


def test_in_colour_gives_grey_as_pillow_does():
    for pixels in NOISE:
        assert np.array_equal(in_colour(pixels, "GREY")[..., 0], np.asarray(Image.fromarray(pixels).convert("L")))


@pytest.mark.parametrize("channels", [1, 3])
def test_in_colour_gives_the_channels_of_the_colour(channels):
    pixels = NOISE[0, ..., :channels]
    assert in_colour(pixels, "RGB").shape == (6, 7, 3)
    assert in_colour(pixels, "GREY").shape == (6, 7, 1)


def test_sources_are_those_that_a_recipe_may_name():
    assert set(SOURCES) == {"digits", "images", "npz", "tfds"}
