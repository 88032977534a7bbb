import errno
import json
from pathlib import Path

import pytest

from edge.device.errors import BadArtifact, Unavailable
from edge.device.files import retired
from edge.device.manifest import read_manifest
from pipeline.origins import finished
from pipeline.stage import explain, locked, origin, up_to_date, work_folder, writing


def make(place: Path, text: str = "content", **settings: object) -> None:
    with writing(place, origin("data", settings, {})) as folder:
        (folder / "file.txt").write_text(text)


def test_finished_stage_is_up_to_date_until_settings_change(tmp_path: Path) -> None:
    make(tmp_path / "data", seed=1)
    assert up_to_date(tmp_path / "data", origin("data", {"seed": 1}, {}))
    assert not up_to_date(tmp_path / "data", origin("data", {"seed": 2}, {}))
    assert not up_to_date(tmp_path / "data", origin("data", {"seed": 1}, {"source": "other"}))


def test_changed_output_is_refused_by_its_own_stage_and_by_the_next(tmp_path: Path) -> None:
    make(tmp_path / "data")
    (tmp_path / "data" / "file.txt").write_text("tampered")
    for check in (up_to_date, lambda place, wanted: finished(place, wanted, "train")):
        with pytest.raises(BadArtifact, match=r"file\.txt: SHA-256 .* the manifest says"):
            check(tmp_path / "data", origin("data", {}, {}))


def test_stage_made_with_other_settings_is_refused_by_the_next_naming_the_first(tmp_path: Path) -> None:
    make(tmp_path / "data", image_size=32)
    with pytest.raises(BadArtifact, match=r"image_size: 32 there, 48 here.*edgewise train RECIPE.*same --set"):
        finished(tmp_path / "data", origin("data", {"image_size": 48}, {}), "train")


def test_file_managers_litter_changes_nothing(tmp_path: Path) -> None:
    make(tmp_path / "data")
    (tmp_path / "data" / ".DS_Store").touch()
    assert up_to_date(tmp_path / "data", origin("data", {}, {}))


def test_manifest_edited_by_hand_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "data", seed=1)
    path = tmp_path / "data" / "manifest.json"
    path.write_text(path.read_text().replace('"seed": 1', '"seed": 2'))
    with pytest.raises(BadArtifact, match="changed after it was written"):
        up_to_date(tmp_path / "data", origin("data", {"seed": 2}, {}))


def test_manifest_of_an_older_version_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "data")
    path = tmp_path / "data" / "manifest.json"
    body = json.loads(path.read_text())
    path.write_text(json.dumps({**body, "format": 0}))
    with pytest.raises(BadArtifact, match="format 0, this version of Edgewise reads 1"):
        read_manifest(tmp_path / "data")


@pytest.mark.parametrize("text", ["", "[]", "{", '"x"', "\x00\xff"])
def test_manifest_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    make(tmp_path / "data")
    (tmp_path / "data" / "manifest.json").write_text(text, encoding="latin-1")
    with pytest.raises(BadArtifact, match=r"manifest\.json"):
        finished(tmp_path / "data", origin("data", {}, {}), "train")


def test_missing_stage_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(BadArtifact, match="run `edgewise train RECIPE` first"):
        finished(tmp_path / "train", origin("train", {}, {}), "train")


def test_failure_while_writing_leaves_the_old_output(tmp_path: Path) -> None:
    make(tmp_path / "data", "old")
    with pytest.raises(ZeroDivisionError), writing(tmp_path / "data", origin("data", {}, {})) as folder:
        (folder / "file.txt").write_text("half")
        _ = 1 / 0
    assert (tmp_path / "data" / "file.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_kill_between_the_two_renames_is_undone(tmp_path: Path) -> None:
    make(tmp_path / "data", "old")
    (tmp_path / "data").rename(retired(tmp_path / "data"))
    assert up_to_date(tmp_path / "data", origin("data", {}, {}))
    assert (tmp_path / "data" / "file.txt").read_text() == "old"


def test_work_of_another_origin_is_cleared_away(tmp_path: Path) -> None:
    work, going_on = work_folder(tmp_path / "train", origin("data", {"seed": 1}, {}))
    (work / "train" / "last").mkdir(parents=True)
    assert not going_on
    assert work_folder(tmp_path / "train", origin("data", {"seed": 1}, {})) == (work, True)
    _, going_on = work_folder(tmp_path / "train", origin("data", {"seed": 2}, {}))
    assert not going_on
    assert not (work / "train").exists()


def test_second_user_of_a_run_is_refused(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(Unavailable, match="another edgewise is at work there"), locked(tmp_path):
        pass


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "no space left"), (errno.EROFS, "read-only"), (errno.EACCES, "no permission")],
)
def test_operating_system_errors_say_what_to_do(number: int, words: str) -> None:
    message = str(explain(OSError(number, "x", "/some/file"), Path("run")))
    assert message.startswith("/some/file: ")
    assert words in message
