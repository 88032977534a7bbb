import os
import sys

import pytest

from edge.device.errors import BadData
from pipeline.data.dataset import Split
from pipeline.data.folders import class_names, find_parts, fingerprint_of_folder, pictures


def test_find_parts_takes_class_folders_at_the_root(make_folder):
    tree = find_parts(make_folder({"b": 1, "a": 2, "C": 1}))
    assert class_names(tree) == ("C", "a", "b")
    assert [picture.name for picture in pictures(tree)] == ["C/000.png", "a/000.png", "a/001.png", "b/000.png"]
    assert all(picture.part is None for picture in pictures(tree))


def test_find_parts_looks_one_folder_deeper(make_folder):
    root = make_folder({"top/train/a": 1, "top/train/b": 1, "top/test/a": 1, "top/test/b": 1})
    (root / "README.txt").write_text("stray")
    (root / "top" / "sources.csv").write_text("stray")
    tree = find_parts(root)
    assert [(picture.name, picture.part) for picture in pictures(tree)] == [
        ("train/a/000.png", Split.TRAINING),
        ("train/b/000.png", Split.TRAINING),
        ("test/a/000.png", Split.BLIND_TEST),
        ("test/b/000.png", Split.BLIND_TEST),
    ]


def test_find_parts_takes_a_lone_train_folder_as_the_whole(make_folder):
    tree = find_parts(make_folder({"train/a": 1, "train/b": 1}))
    assert [picture.part for picture in pictures(tree)] == [None, None]


def test_find_parts_knows_a_class_called_train(make_folder):
    tree = find_parts(make_folder({"train": 2, "bus": 1, "test": 1}))
    assert class_names(tree) == ("bus", "test", "train")
    assert all(picture.part is None for picture in pictures(tree))


@pytest.mark.parametrize("name", ["train", "Training", "TRAIN"])
def test_find_parts_knows_parts_by_their_other_names(make_folder, name):
    tree = find_parts(make_folder({f"{name}/a": 1, "val/a": 1, "testing/a": 1}))
    assert set(tree.parts) == set(Split)


def test_find_parts_tells_of_folders_beside_the_parts(make_folder):
    tree = find_parts(make_folder({"train/a": 1, "test/a": 1, "extra/a": 1}))
    assert tree.notes == ("folders beside train and test were left aside: extra",)


def test_pictures_leaves_hidden_files_and_litter_out(make_folder):
    root = make_folder({"a": 1, "__MACOSX/a": 1, ".git/a": 1})
    for name in (".DS_Store", "._000.png", "Thumbs.db", "desktop.ini"):
        (root / "a" / name).write_bytes(b"")
    assert [picture.name for picture in pictures(find_parts(root))] == ["a/000.png"]


def test_pictures_finds_deeper_folders_of_a_class(make_folder):
    root = make_folder({"a/monday": 1, "b": 1})
    (root / "a" / "top.png").write_bytes(b"")
    assert [picture.name for picture in pictures(find_parts(root))] == ["a/monday/000.png", "a/top.png", "b/000.png"]


def test_pictures_does_not_run_in_circles(make_folder):
    root = make_folder({"a": 1, "b": 1})
    (root / "a" / "loop").symlink_to(root)
    (root / "a" / "nowhere.png").symlink_to(root / "missing")
    assert [picture.name for picture in pictures(find_parts(root))] == ["a/000.png", "a/nowhere.png", "b/000.png"]
    assert fingerprint_of_folder(root)["files"] == "3"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such file name")
def test_pictures_shows_names_that_are_no_utf8(make_folder):
    root = make_folder({"a": 0, "b": 0})
    (root / "a" / os.fsdecode(b"caf\xe9.png")).write_bytes(b"")
    assert [picture.name for picture in pictures(find_parts(root))] == ["a/caf\\xe9.png"]
    assert fingerprint_of_folder(root)["files"] == "1"


def test_find_parts_refuses_a_file(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BadData, match="cannot be listed"):
        find_parts(tmp_path / "file")
