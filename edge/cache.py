"""The folder where downloads, unpacked archives and compiled simulators wait for their next use."""

import os
from pathlib import Path

import platformdirs

from edge.device.errors import Unavailable

VARIABLE = "EDGEWISE_CACHE"


def cache_folder(part: str) -> Path:
    """The folder `part` of the cache, made where it is missing: under $EDGEWISE_CACHE, else the user's cache.

    Raises Unavailable where it cannot be made.
    """
    place = os.environ.get(VARIABLE)
    folder = (Path(place).expanduser() if place else Path(platformdirs.user_cache_dir("edgewise"))) / part
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"cache {folder}: cannot be made ({error.strerror}); set {VARIABLE} to a folder that you may write to"
        ) from None
    if not os.access(folder, os.W_OK):
        raise Unavailable(f"cache {folder}: not writable; set {VARIABLE} to a folder that you may write to")
    return folder
