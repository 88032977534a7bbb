"""Archives of pictures, unpacked once into the cache. An archive is not trusted."""

import errno
import lzma
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from filelock import FileLock

from edge.cache import cache_folder
from edge.device.errors import BadData, Unavailable
from edge.device.files import sha256_of
from pipeline.data.source import Report

KINDS = ".tar, .tar.gz, .tar.xz, .tar.bz2 or .zip"
_CHUNK = 2**20
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS})


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an archive may hold: bytes that really come out of it, and members."""

    bytes: int = 20 * 2**30
    members: int = 2_000_000


LIMITS = Limits()


@dataclass(frozen=True, kw_only=True)
class Member:
    """A file of an archive; `link` names the member whose content it shares, `content` is None then."""

    name: str
    content: IO[bytes] | None
    link: str | None
    position: int  # bytes of the archive read so far


def unpacked(archive: Path, report: Report, limits: Limits = LIMITS) -> Path:
    """The folder of the cache that holds the content of `archive`; unpacked on the first call.

    Raises BadData where it is no archive, is damaged, or is unsafe; Unavailable where the cache has no room. The cache
    then holds nothing of it.
    """
    place = cache_folder("unpacked") / sha256_of(archive)[:32]
    if place.exists():
        return place
    partial = place.with_name(f".{place.name}.partial")
    with FileLock(place.with_name(f".{place.name}.lock")):
        if not place.exists():  # another process may have been first
            shutil.rmtree(partial, ignore_errors=True)  # left by one that was killed
            try:
                unpack(archive, partial, report, limits)
                partial.rename(place)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return place


def unpack(archive: Path, folder: Path, report: Report, limits: Limits = LIMITS) -> None:
    """Write the files of `archive` into the new folder `folder`: plain files and folders, never links.

    Raises BadData for a member that would leave the folder, for a device, and past `limits`; Unavailable where the
    disk is full.
    """
    folder.mkdir()
    with archive.open("rb") as file:
        # By its first bytes and not by its name: a download has none that could be trusted.
        members = _zip_members(file) if file.read(2) == b"PK" else _tar_members(file)
        file.seek(0)
        try:
            _write(members, folder, archive, report, limits)
        except (tarfile.TarError, zipfile.BadZipFile, EOFError, lzma.LZMAError, zlib.error) as error:
            reason = str(error).partition("\n")[0].rstrip(":")
            raise BadData(f"{archive}: not an archive, or a damaged one ({reason}); expected {KINDS}") from None
        except NotImplementedError as error:
            raise BadData(f"{archive}: {error}; expected {KINDS}, packed anew") from None
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise Unavailable(f"{folder.parent}: cannot unpack {archive.name} there ({error.strerror})") from None
            raise BadData(f"{archive}: damaged or not usable ({error}); expected {KINDS}") from None


def _write(members: Iterator[Member], folder: Path, archive: Path, report: Report, limits: Limits) -> None:
    size = archive.stat().st_size
    left = limits.bytes
    made = {folder}
    for count, member in enumerate(members, 1):
        if count > limits.members:
            raise BadData(f"{archive}: more than {limits.members:,} files; expected a data set of pictures")
        target = _place(folder, member.name, archive)
        if target.parent not in made:
            target.parent.mkdir(parents=True, exist_ok=True)
            made.add(target.parent)
        if member.content is None:
            original = _place(folder, str(member.link), archive)
            if not original.is_file():
                raise BadData(
                    f"{archive}: {member.name} is a link to {member.link}, which is no earlier file of it; "
                    "pack it again without links (tar --dereference)"
                )
            content: IO[bytes] = original.open("rb")
        else:
            content = member.content
        with content, target.open("wb") as file:
            while block := content.read(_CHUNK):
                left -= len(block)
                if left < 0:
                    raise BadData(f"{archive}: unpacks to more than {limits.bytes:,} bytes, at {member.name}; refused")
                file.write(block)
        if count % 500 == 0:
            report("unpack", member.position, size)
    report("unpack", size, size)


def _tar_members(file: IO[bytes]) -> Iterator[Member]:
    with tarfile.open(fileobj=file, mode="r:*") as tar:
        for info in tar:
            if info.isdir():
                continue
            if info.isfile():
                yield Member(name=info.name, content=tar.extractfile(info), link=None, position=file.tell())
            elif info.islnk():
                yield Member(name=info.name, content=None, link=info.linkname, position=file.tell())
            elif info.issym():
                # Relative to the link's own folder; resolved by name alone, as no link is ever made on disk.
                link = _resolve(PurePosixPath(info.name).parent / info.linkname)
                yield Member(name=info.name, content=None, link=link, position=file.tell())
            else:
                raise BadData(f"{file.name}: {info.name} is a device or a pipe; expected files and folders only")
            tar.members = []  # type: ignore[attr-defined] # tarfile keeps every header: 1 KB a picture
        while tar.fileobj is not None and tar.fileobj.read(_CHUNK):
            pass  # to the end, where gzip, bzip2 and xz keep the checksum of the whole


def _zip_members(file: IO[bytes]) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            if stat.S_ISLNK(info.external_attr >> 16):
                raise BadData(f"{file.name}: {info.filename} is a link; pack it again without links")
            if info.flag_bits & 1:
                raise BadData(f"{file.name}: {info.filename} is encrypted; pack it again without a password")
            yield Member(name=info.filename, content=archive.open(info), link=None, position=file.tell())


def _resolve(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts and parts[-1] not in ("..", "/"):
            parts.pop()
        elif part != ".":
            parts.append(part)
    return str(PurePosixPath(*parts))


def _place(folder: Path, name: str, archive: Path) -> Path:
    parts = [part for part in re.split(r"[/\\]", name) if part != "."]
    # An empty first part is an absolute path; "C:" is one on Windows.
    if not parts or not parts[0] or ".." in parts or re.match("[A-Za-z]:", name) or "\0" in name:
        raise BadData(f"{archive}: path {name!r} leads out of the archive's folder; refused as unsafe")
    return folder.joinpath(*parts)
