"""Labelled folders: one folder for each class, with or without train, validation and test parts above them."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.device.errors import BadData
from pipeline.data.dataset import Split

PARTS = {
    "train": Split.TRAINING,
    "training": Split.TRAINING,
    "validation": Split.VALIDATION,
    "val": Split.VALIDATION,
    "valid": Split.VALIDATION,
    "test": Split.BLIND_TEST,
    "testing": Split.BLIND_TEST,
}

# Left by the file managers of macOS and Windows in folders that a person has looked at.
_LITTER = frozenset({"__macosx", "thumbs.db", "desktop.ini"})

LAYOUT = "expected one folder for each class, or train/ and test/ with one folder for each class in them"


@dataclass(frozen=True, kw_only=True)
class Tree:
    """`parts`: the folders that hold class folders; one under None where the source is not divided."""

    root: Path
    parts: dict[Split | None, Path]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A file of a class folder; `name` is its path from the root, with forward slashes."""

    path: str
    name: str
    label: str
    part: Split | None


def find_parts(root: Path) -> Tree:
    """Find where the class folders stand: in `root`, in its parts, or the same one folder deeper.

    A folder is a part when it has a part's name and holds folders, so that a class may be called "train".
    Raises BadData where two folders are the same part.
    """
    folders = _folders(root)
    parts = [folder for folder in folders if folder.name.lower() in PARTS and _folders(folder)]
    if len(folders) == 1 and _folders(folders[0]):
        return find_parts(folders[0])
    if not parts:
        return Tree(root=root, parts={None: root}, notes=())
    by_split: dict[Split | None, Path] = {}
    for folder in parts:
        split = PARTS[folder.name.lower()]
        if split in by_split:
            raise BadData(
                f"{root}: {by_split[split].name}/ and {folder.name}/ are both the {split.name.lower()} part; keep one"
            )
        by_split[split] = folder
    aside = [folder.name for folder in folders if folder not in parts]
    notes = (f"folders beside train and test were left aside: {', '.join(aside)}",) if aside else ()
    return Tree(root=root, parts=by_split, notes=notes)


def class_names(tree: Tree) -> tuple[str, ...]:
    """Names of the class folders of all parts, sorted by code point: the order of the labels."""
    return tuple(sorted({_printable(folder.name) for part in tree.parts.values() for folder in _folders(part)}))


def pictures(tree: Tree) -> list[Picture]:
    """Every file in the class folders, at any depth, hidden ones left out; in an order that no disk decides."""
    start = len(os.path.join(tree.root, ""))  # noqa: PTH118 - a Path drops the closing separator
    found = []
    for split, part in tree.parts.items():
        for folder in _folders(part):
            label = _printable(folder.name)
            for entry in _files(folder):
                name = _printable(entry.path[start:]).replace(os.sep, "/")
                found.append(Picture(path=entry.path, name=name, label=label, part=split))
    return sorted(found, key=lambda picture: (picture.part or 0, picture.label, picture.name))


def fingerprint_of_folder(root: Path) -> dict[str, str]:
    """Number of files under `root`, and a hash over the path, size and time of change of each."""
    start = len(os.path.join(root, ""))  # noqa: PTH118 - a Path drops the closing separator
    lines = []
    for entry in _files(root):
        try:
            state = entry.stat()
        except OSError:  # a link that leads nowhere
            lines.append(f"{entry.path[start:]}\0\n")
            continue
        lines.append(f"{entry.path[start:]}\0{state.st_size}\0{state.st_mtime_ns}\n")
    listing = hashlib.sha256("".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest()
    return {"files": str(len(lines)), "listing": listing}


def _folders(folder: Path) -> list[Path]:
    return sorted(Path(entry.path) for entry in _entries(folder) if entry.is_dir())


def _files(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    for entry in _entries(folder):
        # A linked folder is not entered: it could lead back up, and around for ever.
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)
        elif not entry.is_dir():
            yield entry


def _entries(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from (entry for entry in entries if _counts(entry.name))
    except OSError as error:
        raise BadData(f"{folder}: cannot be listed ({error.strerror}); expected a folder of pictures") from None


def _printable(name: str) -> str:
    # Bytes of a file name that are no UTF-8 would be refused by every listing that we write.
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _counts(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in _LITTER
