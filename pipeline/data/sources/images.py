"""Picture files in class folders, in a folder or in an archive of it."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import BadData
from edge.device.image import decode, fit
from pipeline.data.archive import unpacked
from pipeline.data.dataset import Split
from pipeline.data.folders import Tree, class_names, find_parts, fingerprint_of_folder, pictures
from pipeline.data.location import fingerprint_of_file, locate, present
from pipeline.data.source import UNGIVEN, Report, Source
from pipeline.recipe import Data

# Above any picture of 50 million pixels: a film that stands among the pictures is not read into memory.
MAX_BYTES = 512 * 2**20


def fingerprint(settings: Data) -> dict[str, str]:
    """Hash over the listing of the folder, or the state of the archive.

    Raises BadData where data.root is missing.
    """
    root = present(settings)
    return fingerprint_of_folder(root) if root and root.is_dir() else fingerprint_of_file(settings)


def load(settings: Data, report: Report) -> Source:
    """List the class folders of data.root, or of the archive at data.root or data.url.

    Classes are sorted by name. A test part is given, as is a validation part; what is in train is left to us.
    Raises BadData where there is no folder or archive, or it does not hold class folders.
    """
    root = locate(settings, report)
    folder = root if root.is_dir() else unpacked(root, report)
    report("list", 0, 1)
    source = source_of(find_parts(folder), settings.image_size, settings.image_size, settings.colour, settings.resize)
    report("list", 1, 1)
    return source


def source_of(tree: Tree, height: int, width: int, colour: str, rule: str) -> Source:
    """The pictures of `tree`, read to uint8 [height, width, channels] by the contract's rules."""
    classes = class_names(tree)
    label_of = {name: label for label, name in enumerate(classes)}
    found = pictures(tree)

    def read(position: int) -> NDArray[np.uint8]:
        return fit(decode(_content(Path(found[position].path)), colour), height, width, rule)

    return Source(
        names=tuple(picture.name for picture in found),
        labels=np.array([label_of[picture.label] for picture in found], np.int32),
        given=np.array([_given(picture.part) for picture in found], np.int8),
        classes=classes,
        read=read,
        notes=tree.notes,
    )


def _given(part: Split | None) -> int:
    return UNGIVEN if part in (None, Split.TRAINING) else int(part)


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadData(f"file of {path.stat().st_size:,} bytes; a picture has at most {MAX_BYTES:,}")
        return path.read_bytes()
    except OSError as error:
        raise BadData(f"not readable ({error.strerror})") from None
