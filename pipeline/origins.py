"""What each stage of a run is made from. A later stage takes an earlier one's folder only where this still holds."""

import hashlib
import json
from pathlib import Path
from typing import Any

from edge.device.errors import BadArtifact
from edge.device.files import restore_folder, sha256_of
from edge.device.manifest import NAME, Manifest, hash_outputs, read_manifest, verify_outputs
from pipeline.data.prepare import fingerprint
from pipeline.recipe import Recipe, TargetName, settings_of
from pipeline.stage import origin

# Where things lie and how a stage runs; what they hold is hashed among the inputs.
_INDIFFERENT = ("root", "file", "pretrained", "checkpoint_minutes")


def data_origin(recipe: Recipe) -> Manifest:
    """Raises BadData where the source is missing."""
    return origin("data", _settings(recipe.data), fingerprint(recipe.data))


def train_origin(recipe: Recipe, run: Path) -> Manifest:
    """Raises BadArtifact where run/data is missing, changed, or not of this recipe."""
    inputs = {"data": finished(run / "data", data_origin(recipe), "train"), **_model_files(recipe)}
    return origin("train", {"train": _settings(recipe.train), "model": _settings(recipe.model)}, inputs)


def quantize_origin(recipe: Recipe, run: Path) -> Manifest:
    """Raises BadArtifact where run/train is missing, changed, or not of this recipe."""
    wanted = train_origin(recipe, run)
    inputs = {**wanted.inputs, "train": finished(run / "train", wanted, "train")}
    return origin("quantize", {**wanted.settings, "quantize": _settings(recipe.quantize)}, inputs)


def export_origin(recipe: Recipe, run: Path, target: TargetName) -> Manifest:
    """Raises BadArtifact where run/quantize is missing, changed, or not of this recipe.

    The quantize stage's outputs are no input: a target's ladder may add a form to them, and changes none by that.
    """
    wanted = quantize_origin(recipe, run)
    finished(run / "quantize", wanted, "quantize")
    limits = recipe.export.limits.get(target)
    about = {
        "target": target,
        "name": recipe.name,
        "version": recipe.version,
        "resize": recipe.data.resize,
        "colour": recipe.data.colour,
        "board": recipe.export.boards.get(target),
        "limits": settings_of(limits) if limits else None,
        "temperature_scaling": recipe.export.temperature_scaling,
    }
    if target == "fpga":
        about["fpga"] = _settings(recipe.fpga)
    return origin("export", {**wanted.settings, **about}, wanted.inputs)


def report_origin(recipe: Recipe, run: Path, artefacts: list[Path], absent: dict[str, tuple[str, ...]]) -> Manifest:
    """`artefacts`: the folders of those that it is about; `absent`: why, by target, others have none.

    Raises BadArtifact as `export_origin` does.
    """
    wanted = quantize_origin(recipe, run)
    inputs = {f"export/{folder.name}": outputs_hash(read_manifest(folder)) for folder in artefacts}
    # What devices measured, where their files were put there.
    inputs |= {f"devices/{path.name}": sha256_of(path) for path in sorted((run / "devices").glob("*.json"))}
    return origin(
        "report",
        {"recipe": settings_of(recipe), "absent": {target: list(reasons) for target, reasons in absent.items()}},
        {**wanted.inputs, **inputs},
    )


def finished(place: Path, wanted: Manifest, command: str) -> str:
    """A hash over the outputs of a finished stage, for the inputs of the next.

    Raises BadArtifact where the stage has not run, was made from something else than `wanted`, or was changed since.
    """
    restore_folder(place)
    if not (place / NAME).exists():
        raise BadArtifact(f"{place}: not there yet; run `edgewise {command} RECIPE` first")
    found = read_manifest(place)
    if not wanted.same_origin(found):
        raise BadArtifact(
            f"{place}: made with other settings, data or versions ({difference(found, wanted)}); "
            f"run `edgewise {command} RECIPE` again, and give every stage the same --set"
        )
    verify_outputs(place, found)
    return outputs_hash(found)


def outputs_hash(manifest: Manifest) -> str:
    """What the stages that are made from these outputs have among their inputs."""
    return hashlib.sha256(json.dumps(manifest.outputs, sort_keys=True).encode()).hexdigest()


def difference(found: Manifest, wanted: Manifest) -> str:
    """What two origins differ in, in words."""
    for part in ("settings", "inputs", "tools"):
        before, now = _flat(getattr(found, part)), _flat(getattr(wanted, part))
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key):
                return f"{key}: {_short(before.get(key))} there, {_short(now.get(key))} here"
    return "Edgewise's own source has changed"


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:12]}…"


def _settings(section: Any) -> dict[str, Any]:
    return {key: value for key, value in settings_of(section).items() if key not in _INDIFFERENT}


def _model_files(recipe: Recipe) -> dict[str, str]:
    """Hashes of the weights and models that the recipe names; what is missing is told where it is read."""
    hashes = {}
    for key, named in (("model.file", recipe.model.file), ("model.pretrained", recipe.model.pretrained)):
        path = Path(named) if named is not None else None
        if path is not None and path.is_file():
            hashes[key] = sha256_of(path)
        elif path is not None and path.is_dir():
            hashes[key] = hashlib.sha256(json.dumps(hash_outputs(path)).encode()).hexdigest()
        elif named is not None:
            hashes[key] = str(named)
    return hashes
