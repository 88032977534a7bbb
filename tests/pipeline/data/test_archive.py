"""Archives as they are, damaged ones, and ones made to do harm. The cache never holds a part of one."""

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from edge.device.errors import BadData
from pipeline.data.archive import Limits, unpacked
from pipeline.data.source import silent


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def left_in(cache: Path) -> list[str]:
    """What the cache holds besides its lock files."""
    folder = cache / "unpacked"
    return [path.name for path in folder.iterdir() if not path.name.endswith(".lock")] if folder.exists() else []


def pack_tar(place: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> Path:
    with tarfile.open(place, mode) as archive:  # type: ignore[call-overload]
        for info, content in members:
            info.size = len(content) if info.isfile() else 0
            archive.addfile(info, io.BytesIO(content))
    return place


def plain(name: str, content: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    return tarfile.TarInfo(name), content


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def pack_zip(place: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return place


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.xz", "tar.bz2", "zip"])
def test_unpacked_holds_the_files_of_every_kind_of_archive(make_folder, tmp_path, kind):
    root = make_folder({"cat": 3, "dog/deeper": 2})
    place = tmp_path / f"pictures.{kind}"
    if kind == "zip":
        pack_zip(place, {f"pictures/{name}": content for name, content in tree(root).items()})
    else:
        with tarfile.open(place, f"w:{kind.partition('.')[2]}") as archive:  # type: ignore[call-overload]
            archive.add(root, "pictures")
    assert tree(unpacked(place, silent) / "pictures") == tree(root)


def test_unpacked_is_done_once_for_the_same_content(tmp_path):
    first = unpacked(pack_tar(tmp_path / "a.tar", plain("cat/1.png")), silent)
    made = first.stat().st_ino
    renamed = (tmp_path / "a.tar").rename(tmp_path / "another_name")
    calls: list[str] = []
    again = unpacked(renamed, lambda phase, _done, _total: calls.append(phase))
    assert again == first
    assert again.stat().st_ino == made
    assert not calls


def test_unpacked_starts_anew_over_what_a_killed_process_left(tmp_path, cache):
    archive = pack_tar(tmp_path / "a.tar", plain("cat/1.png"))
    folder = unpacked(archive, silent)
    folder.rename(folder.with_name(f".{folder.name}.partial"))
    (folder.with_name(f".{folder.name}.partial") / "cat" / "half.png").write_bytes(b"half")
    assert tree(unpacked(archive, silent)) == {"cat/1.png": b"x"}
    assert left_in(cache) == [folder.name]


def test_unpacked_reports_its_progress_in_bytes(tmp_path):
    archive = pack_tar(tmp_path / "a.tar", *(plain(f"cat/{at}.png") for at in range(600)))
    calls: list[tuple[str, int, int]] = []
    unpacked(archive, lambda *call: calls.append(call))
    size = archive.stat().st_size
    assert calls[-1] == ("unpack", size, size)
    assert 0 < calls[0][1] < size


@pytest.mark.parametrize(
    "name", ["../out.png", "cat/../../out.png", "/etc/out.png", "C:/out.png", "..\\out.png", "\\out.png"]
)
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_unpacked_refuses_a_path_that_leads_out(tmp_path, cache, name, kind):
    if kind == "tar":
        archive = pack_tar(tmp_path / "a.tar", plain("cat/1.png"), plain(name))
    else:
        archive = pack_zip(tmp_path / "a.zip", {"cat/1.png": b"x", name: b"x"})
    with pytest.raises(BadData, match="leads out of the archive's folder; refused as unsafe"):
        unpacked(archive, silent)
    assert left_in(cache) == []
    assert not list(tmp_path.rglob("out.png"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["../../../../../../etc/passwd", "/etc/passwd"])
def test_unpacked_refuses_a_link_that_leads_out(tmp_path, cache, kind, target):
    archive = pack_tar(tmp_path / "a.tar", special("cat/link.png", kind, target))
    with pytest.raises(BadData, match=r"passwd' leads out of the archive's folder"):
        unpacked(archive, silent)
    assert left_in(cache) == []


def test_unpacked_refuses_to_write_through_a_link_to_a_folder(tmp_path, cache):
    archive = pack_tar(
        tmp_path / "a.tar", plain("cat/1.png"), special("link", tarfile.SYMTYPE, "cat"), plain("link/2.png")
    )
    with pytest.raises(BadData, match=r"link is a link to cat, which is no earlier file.*tar --dereference"):
        unpacked(archive, silent)
    assert left_in(cache) == []


def test_unpacked_makes_plain_files_of_links_within_the_archive(tmp_path):
    archive = pack_tar(
        tmp_path / "a.tar",
        plain("all/1.png", b"one"),
        special("cat/soft.png", tarfile.SYMTYPE, "../all/1.png"),
        special("cat/hard.png", tarfile.LNKTYPE, "all/1.png"),
    )
    folder = unpacked(archive, silent)
    assert tree(folder) == {"all/1.png": b"one", "cat/soft.png": b"one", "cat/hard.png": b"one"}
    assert not any(path.is_symlink() for path in folder.rglob("*"))


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_unpacked_refuses_devices(tmp_path, cache, kind):
    with pytest.raises(BadData, match="cat/null is a device or a pipe"):
        unpacked(pack_tar(tmp_path / "a.tar", special("cat/null", kind)), silent)
    assert left_in(cache) == []


def test_unpacked_refuses_links_in_a_zip(tmp_path, cache):
    info = zipfile.ZipInfo("cat/link.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(BadData, match=r"cat/link\.png is a link; pack it again without links"):
        unpacked(tmp_path / "a.zip", silent)
    assert left_in(cache) == []


@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_unpacked_stops_a_bomb_by_the_bytes_that_come_out(tmp_path, cache, kind):
    zeros = bytes(5_000_000)
    if kind == "zip":
        archive = pack_zip(tmp_path / "a.zip", {"cat/1.png": zeros})
    else:
        archive = pack_tar(tmp_path / "a.tar.gz", plain("cat/1.png", zeros), mode="w:gz")
    assert archive.stat().st_size < 50_000
    with pytest.raises(BadData, match=r"unpacks to more than 4,000,000 bytes, at cat/1\.png; refused"):
        unpacked(archive, silent, Limits(bytes=4_000_000))
    assert left_in(cache) == []


def test_unpacked_stops_a_zip_that_declares_less_than_it_holds(tmp_path, cache):
    archive = pack_zip(tmp_path / "a.zip", {"cat/1.png": bytes(100_000)})
    content = archive.read_bytes()
    archive.write_bytes(content.replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(BadData, match="damaged"):
        unpacked(archive, silent)
    assert left_in(cache) == []


def test_unpacked_refuses_too_many_members(tmp_path, cache):
    archive = pack_tar(tmp_path / "a.tar", *(plain(f"cat/{at}.png") for at in range(30)))
    with pytest.raises(BadData, match="more than 20 files"):
        unpacked(archive, silent, Limits(members=20))
    assert left_in(cache) == []


@pytest.mark.parametrize(
    ("kind", "pack"), [("tar", bytes), ("tar.gz", gzip.compress), ("tar.xz", lzma.compress), ("tar.bz2", bz2.compress)]
)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_unpacked_refuses_a_truncated_tar(tmp_path, cache, kind, pack, share):
    content = pack_tar(tmp_path / "whole", *(plain(f"cat/{at}.png", os.urandom(5000)) for at in range(20))).read_bytes()
    packed = pack(content.rstrip(b"\0") if kind == "tar" else content)
    archive = tmp_path / f"a.{kind}"
    archive.write_bytes(packed[: int(len(packed) * share)])
    with pytest.raises(BadData, match=r"damaged.*expected \.tar, \.tar\.gz"):
        unpacked(archive, silent)
    assert left_in(cache) == []


def test_unpacked_refuses_a_truncated_zip(tmp_path, cache):
    archive = pack_zip(tmp_path / "a.zip", {"cat/1.png": os.urandom(10_000)})
    archive.write_bytes(archive.read_bytes()[:5000])
    with pytest.raises(BadData, match="damaged"):
        unpacked(archive, silent)
    assert left_in(cache) == []


@pytest.mark.parametrize("kind", ["tar.gz", "tar.xz", "tar.bz2", "zip"])
def test_unpacked_refuses_a_changed_byte(tmp_path, cache, kind):
    content = os.urandom(20_000)
    if kind == "zip":
        archive = pack_zip(tmp_path / "a.zip", {"cat/1.png": content})
    else:
        archive = pack_tar(tmp_path / f"a.{kind}", plain("cat/1.png", content), mode=f"w:{kind[4:]}")
    damaged = bytearray(archive.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    archive.write_bytes(damaged)
    with pytest.raises(BadData, match="damaged"):
        unpacked(archive, silent)
    assert left_in(cache) == []


@pytest.mark.parametrize("content", [b"", b"a text", b"PK", b"\x1f\x8b\x08not really gzip", os.urandom(3000)])
def test_unpacked_refuses_what_is_no_archive(tmp_path, cache, content):
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(BadData, match=r"a\.tar: .*expected \.tar, \.tar\.gz, \.tar\.xz, \.tar\.bz2 or \.zip"):
        unpacked(tmp_path / "a.tar", silent)
    assert left_in(cache) == []


def test_unpacked_refuses_a_file_where_a_folder_was(tmp_path, cache):
    archive = pack_tar(tmp_path / "a.tar", plain("cat"), plain("cat/1.png"))
    with pytest.raises(BadData, match="damaged or not usable"):
        unpacked(archive, silent)
    assert left_in(cache) == []
