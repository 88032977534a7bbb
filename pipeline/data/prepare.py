"""The data stage: a source, read, checked, split and decoded into one folder."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import Unavailable
from edge.device.files import write_json
from pipeline.data.checks import check_source, check_unreadable
from pipeline.data.colour import channels_of
from pipeline.data.decode import decode_into
from pipeline.data.duplicates import find_leaks, groups_of, refuse_leaks
from pipeline.data.source import Report
from pipeline.data.sources import SOURCES
from pipeline.data.split import divide
from pipeline.data.summary import Summary, summarize
from pipeline.recipe import Data

Pixels = np.memmap[Any, np.dtype[np.uint8]]

_ROWS = 1024  # pictures copied at a time


def fingerprint(settings: Data) -> dict[str, str]:
    """What the source is now, told from listings, sizes and times; where it is unchanged, so is the data set.

    Raises BadData where the source is missing, Unavailable where the package that holds it is.
    """
    return SOURCES[source_of(settings)].fingerprint(settings)


def source_of(settings: Data) -> str:
    """The name in SOURCES of what will be read: a root at hand comes before a download from a catalogue."""
    if settings.source == "tfds" and settings.root is not None:
        return "npz" if settings.root.suffix == ".npz" else "images"
    return settings.source


def prepare(settings: Data, folder: Path, report: Report) -> Summary:
    """Write the data set into the empty `folder`, for `load_dataset`, and tell what was found.

    images.npy uint8 [n, h, w, c]; labels.npy int32 [n]; split.npy uint8 [n]; listing.json; summary.json.
    `report(phase, done, total)` is called while it works.
    Raises BadData where the source is missing, damaged, unsafe, too small, or leaks training pictures into the blind
    test; Unavailable where a server, a package or room on the disk is. What then stands in `folder` is of no use.
    """
    found = SOURCES[source_of(settings)].load(settings, report)
    check_source(found, settings.minimum_per_class)
    shape = (settings.image_size, settings.image_size, channels_of(settings.colour))
    place = folder / "images.npy"
    images = _create(place, (len(found), *shape))
    decoded = decode_into(images, found, report)
    images.flush()

    unreadable = {found.names[position]: reason for position, reason in decoded.unreadable.items()}
    if not settings.skip_unreadable:
        check_unreadable(unreadable, "remove them, or leave them out with `--set data.skip_unreadable=true`")
    rows = np.delete(np.arange(len(found)), list(decoded.unreadable))
    groups = groups_of([decoded.digests[row] for row in rows])
    leaks = find_leaks(groups, found.given[rows])
    dropped = tuple(found.names[row] for row in rows[leaks.positions])
    if settings.duplicates == "refuse":
        refuse_leaks(leaks, found.only(rows))
    rows, groups = np.delete(rows, leaks.positions), np.delete(groups, leaks.positions)

    source = found.only(rows)
    if len(source) < len(found):
        check_source(source, settings.minimum_per_class)
    split = divide(source.labels, groups, source.given, settings.split, settings.seed)
    summary = summarize(source_of(settings), shape, source, groups, split, unreadable, dropped)
    if len(source) < len(found):
        _keep_rows(place, rows)
    np.save(folder / "labels.npy", source.labels)
    np.save(folder / "split.npy", split)
    write_json(folder / "listing.json", {"names": source.names, "classes": source.classes})
    write_json(folder / "summary.json", asdict(summary))
    return summary


def _create(place: Path, shape: tuple[int, ...]) -> Pixels:
    """A new array on disk, mapped so that the system writes its pages out when memory is short."""
    need, free = int(np.prod(shape, dtype=np.int64)), shutil.disk_usage(place.parent).free
    # A mapped file that outgrows its disk kills the process, with no error to catch.
    if need > free:
        raise Unavailable(
            f"{place.parent}: {need / 2**30:.1f} GiB needed for {shape[0]:,} decoded pictures, {free / 2**30:.1f} GiB "
            "free; make room, or lower data.image_size"
        )
    return np.lib.format.open_memmap(place, mode="w+", dtype=np.uint8, shape=shape)


def _keep_rows(place: Path, rows: NDArray[np.int64]) -> None:
    """Rewrite the array at `place` with only its `rows`, a few at a time."""
    images = np.load(place, mmap_mode="r", allow_pickle=False)
    smaller = place.with_name("kept.npy")
    kept = _create(smaller, (len(rows), *images.shape[1:]))
    for start in range(0, len(rows), _ROWS):
        kept[start : start + _ROWS] = images[rows[start : start + _ROWS]]
    kept.flush()
    smaller.replace(place)
