import json
import shutil
import struct
import subprocess
import sys
import zlib
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.device.errors import BadData, Unavailable
from edge.device.image import decode, fit
from pipeline.data.dataset import Split, load_dataset
from pipeline.data.prepare import fingerprint, prepare
from pipeline.data.source import silent
from pipeline.recipe import Data


def settings(root: Path, **changes: object) -> Data:
    return Data(**{"source": "images", "root": root, "image_size": 8, "minimum_per_class": 1} | changes)  # type: ignore[arg-type]


def test_prepare_writes_what_load_dataset_reads(make_folder, empty):
    root = make_folder({"dog": 20, "cat": 10})
    summary = prepare(settings(root), empty, silent)
    dataset = load_dataset(empty)
    assert dataset.classes == ("cat", "dog")
    assert dataset.images.shape == (30, 8, 8, 3)
    assert dataset.images.dtype == np.uint8
    assert dataset.labels.dtype == np.int32
    assert dataset.split.dtype == np.uint8
    assert np.bincount(dataset.labels).tolist() == [10, 20]
    assert [len(dataset.part(split)) for split in Split] == [21, 6, 3]
    assert summary.classes["dog"] == {"training": 14, "validation": 4, "blind_test": 2}
    assert json.loads((empty / "summary.json").read_text()) == json.loads(json.dumps(asdict(summary)))
    assert sorted(path.name for path in empty.iterdir()) == [
        "images.npy",
        "labels.npy",
        "listing.json",
        "split.npy",
        "summary.json",
    ]


def test_prepare_decodes_each_picture_by_the_contracts_rule(make_folder, empty):
    root = make_folder({"cat": 6, "dog": 6})
    prepare(settings(root, colour="GREY", resize="pad"), empty, silent)
    dataset = load_dataset(empty)
    for name, pixels in zip(dataset.names, dataset.images, strict=True):
        expected = fit(decode((root / name).read_bytes(), "GREY"), 8, 8, "pad")
        assert np.array_equal(pixels, expected)


def test_prepare_gives_the_same_bytes_again(make_folder, tmp_path):
    root = make_folder({"cat": 30, "dog": 30})
    places = [tmp_path / "one", tmp_path / "two", tmp_path / "other"]
    for place, seed in zip(places, (0, 0, 1), strict=True):
        place.mkdir()
        prepare(settings(root, seed=seed), place, silent)
    for file in places[0].iterdir():
        assert file.read_bytes() == (places[1] / file.name).read_bytes()
    assert (places[0] / "split.npy").read_bytes() != (places[2] / "split.npy").read_bytes()


def test_prepare_reports_each_picture(make_folder, empty):
    calls: list[tuple[str, int, int]] = []
    prepare(settings(make_folder({"cat": 40, "dog": 40})), empty, lambda *call: calls.append(call))
    assert calls[-1] == ("decode", 80, 80)


def test_prepare_takes_the_given_test_part_as_blind_test(make_folder, empty):
    root = make_folder({"train/cat": 9, "train/dog": 18, "test/cat": 5, "test/dog": 4})
    (root / "sources.csv").write_text("licences")
    summary = prepare(settings(root), empty, silent)
    assert summary.classes == {
        "cat": {"training": 7, "validation": 2, "blind_test": 5},
        "dog": {"training": 14, "validation": 4, "blind_test": 4},
    }
    assert summary.given == ("blind_test",)
    names = load_dataset(empty).part(Split.BLIND_TEST).names
    assert all(name.startswith("test/") for name in names)


def test_prepare_takes_the_given_validation_part(make_folder, empty):
    root = make_folder({f"{part}/{name}": 3 for part in ("training", "valid", "testing") for name in ("cat", "dog")})
    prepare(settings(root), empty, silent)
    dataset = load_dataset(empty)
    for split, part in zip(Split, ("training", "valid", "testing"), strict=True):
        assert all(name.startswith(f"{part}/") for name in dataset.part(split).names)
        assert len(dataset.part(split)) == 6


def test_prepare_refuses_a_text_named_jpg_and_names_it(make_folder, empty):
    root = make_folder({"cat": 5, "dog": 5})
    (root / "cat" / "notes.jpg").write_text("not a picture")
    with pytest.raises(BadData, match=r"cat/notes\.jpg: not a picture; expected JPEG.*data\.skip_unreadable=true"):
        prepare(settings(root), empty, silent)


def test_prepare_refuses_a_truncated_jpeg_and_names_it(make_folder, empty):
    root = make_folder({"cat": 5, "dog": 5})
    whole = root / "dog" / "whole.jpg"
    Image.effect_noise((64, 64), 90).save(whole)
    whole.write_bytes(whole.read_bytes()[:700])
    with pytest.raises(BadData, match=r"dog/whole\.jpg: damaged picture"):
        prepare(settings(root), empty, silent)


def test_prepare_skips_unreadable_pictures_when_told_so(make_folder, empty):
    root = make_folder({"cat": 70, "dog": 70})
    for at in range(3):
        (root / "cat" / f"000_{at}.jpg").write_text("not a picture")
    summary = prepare(settings(root, skip_unreadable=True), empty, silent)
    assert list(summary.unreadable) == ["cat/000_0.jpg", "cat/000_1.jpg", "cat/000_2.jpg"]
    assert "3 unreadable" in summary.warnings[0]
    dataset = load_dataset(empty)
    assert len(dataset.images) == len(dataset.names) == summary.pictures == 140
    for at in (0, 1, 139):
        expected = fit(decode((root / dataset.names[at]).read_bytes(), "RGB"), 8, 8, "stretch")
        assert np.array_equal(dataset.images[at], expected)
    assert not (empty / "kept.npy").exists()


def test_prepare_counts_a_class_again_after_skipping(make_folder, empty):
    root = make_folder({"cat": 5, "dog": 10})
    (root / "cat" / "x.jpg").write_text("not a picture")
    with pytest.raises(BadData, match=r"too few pictures in class cat \(5\); expected 6"):
        prepare(settings(root, skip_unreadable=True, minimum_per_class=6), empty, silent)


def test_prepare_keeps_identical_pictures_in_one_split(make_folder, empty):
    root = make_folder({"cat": 20, "dog": 20})
    for at in range(4):
        shutil.copy(root / "cat" / "000.png", root / "cat" / f"copy{at}.png")
    Image.open(root / "dog" / "000.png").save(root / "dog" / "same.bmp")  # other bytes, same pixels
    summary = prepare(settings(root), empty, silent)
    assert [len(names) for names in summary.identical] == [5, 2]
    dataset = load_dataset(empty)
    place = dict(zip(dataset.names, dataset.split.tolist(), strict=True))
    for names in summary.identical:
        assert len({place[name] for name in names}) == 1
    assert not summary.conflicting


def test_prepare_refuses_training_pictures_that_are_in_the_given_test_part(make_folder, empty):
    root = make_folder({f"{part}/{name}": 9 for part in ("train", "test") for name in ("cat", "dog")})
    for at in range(7):
        shutil.copy(root / "test" / "cat" / f"00{at}.png", root / "train" / "cat" / f"leak{at}.png")
    with pytest.raises(BadData, match=r"7 training pictures are identical.*and 2 more.*data\.duplicates=drop") as error:
        prepare(settings(root), empty, silent)
    assert str(error.value).count("train/cat/leak") == 5
    assert "train/cat/leak0.png = test/cat/000.png" in str(error.value)


def test_prepare_drops_training_pictures_of_the_given_test_part_when_told_so(make_folder, empty):
    root = make_folder({f"{part}/{name}": 9 for part in ("train", "test") for name in ("cat", "dog")})
    shutil.copy(root / "test" / "cat" / "000.png", root / "train" / "cat" / "leak.png")
    summary = prepare(settings(root, duplicates="drop"), empty, silent)
    assert summary.dropped == ("train/cat/leak.png",)
    assert summary.pictures == 36
    assert "train/cat/leak.png" not in load_dataset(empty).names


def test_prepare_warns_of_one_picture_under_two_labels(make_folder, empty):
    root = make_folder({"cat": 9, "dog": 9})
    shutil.copy(root / "cat" / "000.png", root / "dog" / "odd.png")
    summary = prepare(settings(root), empty, silent)
    assert summary.conflicting == (("cat/000.png", "dog/odd.png"),)
    assert any("cat/000.png = dog/odd.png" in warning for warning in summary.warnings)


def test_prepare_warns_of_imbalance_and_advises_class_weights(make_folder, empty):
    summary = prepare(settings(make_folder({"cat": 61, "dog": 10})), empty, silent)
    assert summary.imbalance == pytest.approx(6.1)
    assert any('train.class_weights = "balanced"' in warning for warning in summary.warnings)


def test_prepare_is_silent_about_classes_of_similar_size(make_folder, empty):
    assert prepare(settings(make_folder({"cat": 50, "dog": 10})), empty, silent).warnings == ()


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({}, "no pictures found; expected one folder for each class"),
        ({"cat": 0, "dog": 0}, "no pictures found"),
        ({"cat": 12}, "only one class, 'cat'; expected two or more"),
        ({"cat": 12, "dog": 0}, "no pictures in class dog; add some"),
        ({"cat": 12, "dog": 4}, r"too few pictures in class dog \(4\); expected 5 .*data\.minimum_per_class"),
        ({"train/cat": 9, "train/dog": 0, "test/cat": 9, "test/dog": 9}, "no training picture of dog"),
        ({"test/cat": 9, "test/dog": 9, "val/cat": 9, "val/dog": 9}, "no pictures to train on"),
        ({"train/cat": 9, "train/dog": 9, "Training/cat": 9}, "are both the training part; keep one"),
    ],
)
def test_prepare_refuses_a_folder_that_is_no_data_set(make_folder, empty, tmp_path, counts, message):
    (tmp_path / "pictures").mkdir()
    with pytest.raises(BadData, match=message):
        prepare(settings(make_folder(counts), minimum_per_class=5), empty, silent)


def test_prepare_refuses_a_split_without_pictures(make_folder, empty):
    root = make_folder({"cat": 1, "dog": 1})
    with pytest.raises(BadData, match=r"no pictures for validation.*data\.split"):
        prepare(settings(root), empty, silent)


def test_prepare_refuses_a_missing_folder_and_names_the_key(tmp_path, empty):
    with pytest.raises(BadData, match=r"data\.root: .*nowhere is not there.*--set data\.root=FOLDER"):
        prepare(settings(tmp_path / "nowhere"), empty, silent)


def test_prepare_names_a_picture_of_too_many_pixels(make_folder, empty):
    root = make_folder({"cat": 5, "dog": 5})
    header = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    (root / "cat" / "huge.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">II", zlib.crc32(header), 9) + b"IDAT"
    )
    with pytest.raises(BadData, match=r"cat/huge\.png: picture too large: .*At most 50,000,000 are decoded"):
        prepare(settings(root), empty, silent)


def test_prepare_refuses_what_does_not_fit_on_the_disk(tmp_path, empty):
    count = shutil.disk_usage(empty).free // (1024 * 1024 * 3) + 1
    np.savez(tmp_path / "many.npz", x=np.zeros((count, 1, 1), np.uint8), y=np.arange(count) % 2)
    wanted = settings(tmp_path / "many.npz", source="npz", image_size=1024)
    with pytest.raises(Unavailable, match=r"GiB needed .* GiB free; make room, or lower data\.image_size"):
        prepare(wanted, empty, silent)
    assert not list(empty.iterdir())


def test_fingerprint_changes_with_the_folder(make_folder):
    root = make_folder({"cat": 3, "dog": 3})
    first = fingerprint(settings(root))
    assert fingerprint(settings(root)) == first
    assert first["files"] == "6"
    (root / "cat" / "new.png").write_bytes(b"")
    second = fingerprint(settings(root))
    assert second != first
    (root / "cat" / "new.png").write_bytes(b"more")
    assert fingerprint(settings(root)) != second


def test_fingerprint_does_not_depend_on_where_the_folder_stands(make_folder, tmp_path):
    root = make_folder({"cat": 3, "dog": 3})
    first = fingerprint(settings(root))
    root.rename(tmp_path / "elsewhere")
    assert fingerprint(settings(tmp_path / "elsewhere")) == first


def test_fingerprint_refuses_a_missing_source(tmp_path):
    with pytest.raises(BadData, match=r"data\.root.*--set data\.root=FOLDER"):
        fingerprint(settings(tmp_path / "nowhere"))


def test_fingerprint_imports_neither_tensorflow_nor_scikit_learn():
    program = (
        "import sys; from pipeline.data.prepare import fingerprint; from pipeline.recipe import Data;"
        "print(fingerprint(Data(source='digits')));"
        "sys.exit(any(name in sys.modules for name in ('tensorflow', 'sklearn', 'tf_keras', 'tensorflow_datasets')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "scikit-learn " in done.stdout
