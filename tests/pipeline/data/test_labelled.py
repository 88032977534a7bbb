import tarfile

import numpy as np
import pytest

from edge.device.contract import Input
from edge.device.errors import BadData
from edge.device.image import read_image
from pipeline.data.labelled import labelled_folder

CONTRACT = Input(shape=(1, 6, 8, 3), colour="RGB", resize="crop", scale=1 / 128, zero_point=128)
LABELS = ("zebra", "cat", "dog")


def test_labelled_folder_reads_by_the_contract_and_the_models_labels(make_folder):
    root = make_folder({"cat": 2, "zebra": 1})
    found = labelled_folder(root, CONTRACT, LABELS)
    assert found.samples.labels.tolist() == [1, 1, 0]
    assert found.samples.labels.dtype == np.int32
    assert found.missing == ("dog",)
    assert found.part is None
    for name, pixels in zip(found.samples.names, found.samples.all(), strict=True):
        assert np.array_equal(pixels, read_image((root / name).read_bytes(), CONTRACT))


def test_labelled_folder_reads_only_the_test_part(make_folder):
    found = labelled_folder(make_folder({"train/cat": 5, "train/dog": 5, "test/dog": 2}), CONTRACT, LABELS)
    assert found.samples.names == ("test/dog/000.png", "test/dog/001.png")
    assert found.part == "blind_test"


def test_labelled_folder_reads_an_archive(make_folder, tmp_path):
    root = make_folder({"cat": 2, "dog": 1})
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(root, "pictures")
    assert len(labelled_folder(tmp_path / "a.tar.gz", CONTRACT, LABELS).samples) == 3


def test_labelled_folder_refuses_a_class_that_the_model_does_not_know(make_folder):
    with pytest.raises(BadData, match="class folders horse are no labels of the model, which knows zebra, cat, dog"):
        labelled_folder(make_folder({"cat": 1, "horse": 1}), CONTRACT, LABELS)


def test_labelled_folder_refuses_parts_without_a_test(make_folder):
    with pytest.raises(BadData, match=r"holds train/, val/ and no test/; name the part to judge on"):
        labelled_folder(make_folder({"train/cat": 1, "val/cat": 1}), CONTRACT, LABELS)


def test_labelled_folder_refuses_an_unreadable_picture(make_folder):
    root = make_folder({"cat": 1, "dog": 1})
    (root / "cat" / "x.jpg").write_text("not a picture")
    with pytest.raises(BadData, match=r"cat/x\.jpg: not a picture"):
        labelled_folder(root, CONTRACT, LABELS)


def test_labelled_folder_refuses_no_pictures_and_no_folder(make_folder, tmp_path):
    with pytest.raises(BadData, match="no pictures found"):
        labelled_folder(make_folder({"cat": 0, "dog": 0}), CONTRACT, LABELS)
    with pytest.raises(BadData, match="nowhere: not there; expected a folder"):
        labelled_folder(tmp_path / "nowhere", CONTRACT, LABELS)
