"""Compiled simulators, kept by the hash of what they were compiled from."""

import os
import shutil
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import platformdirs

from edge.device.errors import Unavailable
from edge.device.files import replace_folder, sha256_of

VARIABLE = "EDGEWISE_CACHE"  # the folder that holds downloads too


def compiled(source: Path, recipe: str, compile_into: Callable[[Path], None]) -> Path:
    """The folder with what `compile_into(folder)` makes of the folder `source`; made once for each content.

    `recipe` names all else that the result depends on: the tool, its version, its flags.
    Raises Unavailable where the cache cannot be written, and what `compile_into` raises.
    """
    key = sha256(f"{sha256_of(source)} {recipe}".encode()).hexdigest()[:32]
    place = _cache() / key
    if not place.exists():
        new = Path(tempfile.mkdtemp(dir=place.parent))
        try:
            compile_into(new)
            if not place.exists():  # another process may have been faster
                replace_folder(new, place)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return place


def _cache() -> Path:
    chosen = os.environ.get(VARIABLE)
    folder = (Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("edgewise"))) / "simulators"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"{folder}: cannot be made ({error.strerror}); set {VARIABLE} to a writable folder") from None
    return folder
