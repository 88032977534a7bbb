"""The folder that a package takes: free, or a package whose files nobody has changed."""

from pathlib import Path

from edge.device.errors import BadSetting
from edge.device.files import restore_folder
from edge.device.manifest import NAME, Manifest, hash_outputs, read_manifest

STAGE = "package"


def standing(place: Path) -> Manifest | None:
    """The manifest of the whole package that stands at `place`; None where nothing does, or a part of it is missing.

    Raises BadSetting where `place` holds anything that would be lost if it were replaced.
    """
    restore_folder(place)
    if not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return None
    if not (place / NAME).is_file():
        raise BadSetting(f"{place}: holds something that is no package; name another folder with --output")
    manifest = read_manifest(place)
    if manifest.stage != STAGE:
        raise BadSetting(f"{place}: holds the output of {manifest.stage!r}; name another folder with --output")
    found = {name: sha256 for name, sha256 in hash_outputs(place).items() if "__pycache__/" not in name}
    own = sorted(name for name, sha256 in found.items() if manifest.outputs.get(name) != sha256)
    if own:
        raise BadSetting(
            f"{place / own[0]}: not as it was packaged, and would be lost; keep it elsewhere (a kustomize overlay, a "
            "systemd drop-in), or name another folder with --output"
        )
    return manifest if found.keys() == manifest.outputs.keys() else None
