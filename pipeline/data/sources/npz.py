"""Arrays in a NumPy .npz file: x_train, y_train, x_test, y_test and perhaps x_val, y_val; or x and y."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import BadData
from edge.device.image import fit
from pipeline.data.colour import in_colour
from pipeline.data.dataset import Split
from pipeline.data.location import fingerprint_of_file, locate
from pipeline.data.source import UNGIVEN, Report, Source
from pipeline.recipe import Data

# Name of a part, and where its samples go.
_PARTS = {"train": UNGIVEN, "val": int(Split.VALIDATION), "test": int(Split.BLIND_TEST)}
_KEYS = "expected x and y, or x_train, y_train, x_test, y_test and perhaps x_val, y_val"


def fingerprint(settings: Data) -> dict[str, str]:
    """Size and time of change of the file, or the checksum of the download.

    Raises BadData where data.root is missing.
    """
    return fingerprint_of_file(settings)


def load(settings: Data, report: Report) -> Source:
    """Read the arrays; all pictures are held in memory, as an .npz file is compressed.

    Pictures: uint8 [n, h, w] or [n, h, w, 1 or 3]. Labels: whole numbers [n] or [n, 1], from 0. Class names are those
    of the text array "classes", else "0", "1", ...
    Raises BadData where the file is no .npz, holds pickled objects, or lacks an array of the right type and shape.
    """
    path = locate(settings, report)
    report("list", 0, 1)
    arrays = _read(path)
    parts = _parts(arrays, path)
    images = {part: _images(arrays, part, path) for part in parts}
    labels = {part: _labels(arrays, part, len(images[part]), path) for part in parts}
    starts = np.cumsum([0, *(len(images[part]) for part in parts)])
    size = settings.image_size

    def read(position: int) -> NDArray[np.uint8]:
        at = int(np.searchsorted(starts, position, side="right")) - 1
        pixels = images[parts[at]][position - starts[at]]
        return fit(in_colour(pixels, settings.colour), size, size, settings.resize)

    joined = np.concatenate([labels[part] for part in parts])
    report("list", 1, 1)
    return Source(
        names=tuple(f"{part or 'x'}/{index:06d}" for part in parts for index in range(len(images[part]))),
        labels=joined,
        given=np.concatenate([np.full(len(images[part]), _PARTS.get(part, UNGIVEN), np.int8) for part in parts]),
        classes=_classes(arrays, int(joined.max(initial=-1)) + 1, path),
        read=read,
    )


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        # By its first bytes: NumPy takes whatever else is named here for a pickle, or for a single array.
        with path.open("rb") as file:
            start = file.read(6)
        if start == b"\x93NUMPY":
            raise BadData(f"{path}: a single array; {_KEYS}, in an .npz file")
        if not start.startswith(b"PK"):
            raise BadData(f"{path}: not a NumPy .npz file; {_KEYS}, saved with np.savez_compressed")
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files if key == "classes" or key[:2] in ("x", "y", "x_", "y_")}
    except ValueError as error:
        if "pickle" in str(error):
            raise BadData(
                f"{path}: holds pickled objects, which may run code when they are read; save plain arrays (uint8, int)"
            ) from None
        raise BadData(f"{path}: not a NumPy .npz file, or a damaged one ({error})") from None
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, MemoryError) as error:
        raise BadData(f"{path}: not a NumPy .npz file, or a damaged one ({error})") from None


def _parts(arrays: dict[str, NDArray[Any]], path: Path) -> list[str]:
    found = ", ".join(arrays) or "none of them"
    if "x" in arrays and "y" in arrays:
        return [""]
    parts = [part for part in _PARTS if f"x_{part}" in arrays]
    lacking = [f"y_{part}" for part in parts if f"y_{part}" not in arrays]
    if "train" not in parts or lacking:
        raise BadData(f"{path}: holds {found}; {_KEYS}")
    return parts


def _images(arrays: dict[str, NDArray[Any]], part: str, path: Path) -> NDArray[np.uint8]:
    key = f"x_{part}" if part else "x"
    images = arrays[key]
    if images.dtype != np.uint8:
        raise BadData(
            f"{path}: {key} is {images.dtype}; expected uint8, raw pixels of 0..255; "
            "convert it, e.g. (x * 255).round().astype('uint8') where x is 0..1"
        )
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape[1:]:
        raise BadData(f"{path}: {key} has shape {arrays[key].shape}; expected [n, h, w], [n, h, w, 1] or [n, h, w, 3]")
    return images


def _labels(arrays: dict[str, NDArray[Any]], part: str, count: int, path: Path) -> NDArray[np.int32]:
    key = f"y_{part}" if part else "y"
    labels = arrays[key]
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]  # as CIFAR-10 is often saved
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise BadData(
            f"{path}: {key} is {labels.dtype} of shape {arrays[key].shape}; expected whole numbers of shape [n], "
            "the class of each picture"
        )
    if len(labels) != count:
        raise BadData(f"{path}: {key} has {len(labels)} labels for {count} pictures; expected one for each")
    if count and not 0 <= int(labels.min()) <= int(labels.max()) < 2**16:
        raise BadData(f"{path}: {key} has values {labels.min()}..{labels.max()}; expected classes counted from 0")
    return labels.astype(np.int32)


def _classes(arrays: dict[str, NDArray[Any]], count: int, path: Path) -> tuple[str, ...]:
    if "classes" not in arrays:
        return tuple(str(label) for label in range(count))
    names = arrays["classes"]
    if names.ndim != 1 or names.dtype.kind != "U" or len(set(names.tolist())) != len(names):
        raise BadData(f"{path}: classes is {names.dtype} of shape {names.shape}; expected different texts, one a class")
    if len(names) < count:
        raise BadData(f"{path}: classes names {len(names)}, labels go up to {count - 1}; expected a name for each")
    return tuple(names.tolist())
