"""Compiled simulators, kept by the hash of what they were compiled from."""

import shutil
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from edge.cache import cache_folder
from edge.device.files import replace_folder, sha256_of


def compiled(source: Path, recipe: str, compile_into: Callable[[Path], None]) -> Path:
    """The folder with what `compile_into(folder)` makes of the folder `source`; made once for each content.

    `recipe` names all else that the result depends on: the tool, its version, its flags.
    Raises Unavailable where the cache cannot be written, and what `compile_into` raises.
    """
    key = sha256(f"{sha256_of(source)} {recipe}".encode()).hexdigest()[:32]
    place = cache_folder("simulators") / key
    if not place.exists():
        new = Path(tempfile.mkdtemp(dir=place.parent))
        try:
            compile_into(new)
            if not place.exists():  # another process may have been faster
                replace_folder(new, place)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return place
