"""What is packaged, and the folder that is made of it."""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from urllib.parse import quote

from edge.device.contract import FORMAT as CONTRACT_FORMAT
from edge.device.errors import BadSetting
from edge.device.files import sha256_of
from edge.device.manifest import NAME as MANIFEST
from edge.device.manifest import Manifest
from serving.model import Model, load_model
from serving.package.capacity import capacity
from serving.package.names import PREFIX, check_image, check_name
from serving.package.place import STAGE
from serving.package.requirements import requirements_for
from serving.package.trial import Trial, try_out
from serving.settings import RUNTIMES, Settings

ARTIFACT = "artifact"  # the folder of the package that holds the artefact

_REPOSITORY = Path(__file__).resolve().parents[2]
_TEMPLATES = Path(__file__).parent / "templates"
# Of edge.device, what a server imports; the rest runs devices.
_DEVICE = (
    "__init__",
    "contract",
    "errors",
    "files",
    "golden",
    "image",
    "manifest",
    "npz",
    "ranking",
    "runtimes",
    "typed",
)
_COPIED = ("serving", "edge/__init__.py", *(f"edge/device/{name}.py" for name in _DEVICE), "LICENSE")
_LEFT_OUT = "serving/package"  # makes packages, which a server does not
_REQUIREMENTS = ("requirements.lock", "pyproject.toml")

_FORMATS = {".tflite": "tflite", ".onnx": "onnx", ".xml": "openvino_ir"}  # as KServe's own runtimes call them


@dataclass(frozen=True, kw_only=True)
class Package:
    """A model that matched its golden vectors, and what it will go by; `runtime` by its name in `serving.settings`."""

    model: Model
    name: str
    image: str
    runtime: str


class _Marked(Template):
    delimiter = "@"  # shells, Dockerfiles and systemd have the dollar


def plan(path: Path, runtime: str, name: str | None, image: str | None) -> Package:
    """What `edgewise package` will make of the artefact or run at `path`; nothing is written.

    `name` is the contract's unless given, `image` edgewise-<name>:<version>. Raises BadSetting for a name or an image
    that clusters and registries do not take, and what `load_model` raises.
    """
    model = load_model(path, runtime)
    checked = check_name(model.name if name is None else name)
    return Package(
        model=model,
        name=checked,
        image=check_image(f"{PREFIX}{checked}:{model.version}" if image is None else image),
        runtime=next(short for short, full in RUNTIMES.items() if full == model.runtime),
    )


def origin(package: Package) -> Manifest:
    """What the package depends on: a manifest without outputs."""
    digest = hashlib.sha256()
    for file in _files(*_COPIED, *_REQUIREMENTS):
        digest.update(file.relative_to(_REPOSITORY).as_posix().encode() + b"\0" + file.read_bytes())
    return Manifest(
        stage=STAGE,
        settings={"name": package.name, "image": package.image, "runtime": package.runtime},
        inputs={"artifact": sha256_of(package.model.folder / MANIFEST)},
        source=digest.hexdigest(),
        tools={},
        outputs={},
    )


def place_for(package: Package, output: Path | None) -> Path:
    """The folder to make: `output`, or `package` in the artefact's run folder.

    Raises BadSetting where it would lie in the artefact, whose files are counted.
    """
    folder = package.model.folder.absolute()
    default = (
        folder.parent.parent / "package" if folder.parent.name == "export" else Path("runs") / package.name / "package"
    )
    place = (default if output is None else output).absolute()
    if place.resolve().is_relative_to(folder.resolve()):
        raise BadSetting(f"{place}: within the artefact, which is not to be changed; name another folder with --output")
    return place


def write_package(folder: Path, package: Package) -> Trial:
    """Write all of `package` into the empty `folder`, run its server there, and tell how that went.

    Raises Unavailable where the repository's lock file does not do, ProofFailed where the packaged server does not
    come up or does not answer.
    """
    for relative in server_files():
        (folder / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_REPOSITORY / relative, folder / relative)
    shutil.copytree(package.model.folder, folder / ARTIFACT)
    requirements = requirements_for(package.model.runtime, _REPOSITORY)
    (folder / "requirements.txt").write_text(requirements, encoding="utf-8")
    settings = Settings(artifact=Path(ARTIFACT), runtime=package.runtime)
    trial = try_out(folder, settings, len(package.model.golden.inputs))
    _fill_in(folder, {**_names(package), **capacity(trial, settings), "ready": f"{trial.ready:.1f}"})
    return trial


def _fill_in(folder: Path, values: Mapping[str, object]) -> None:
    for template in _files(_TEMPLATES.relative_to(_REPOSITORY).as_posix()):
        relative = template.relative_to(_TEMPLATES)
        if relative.name == "edgewise.service":
            relative = Path(f"{values['object']}.service")
        (folder / relative).parent.mkdir(parents=True, exist_ok=True)
        content = _Marked(template.read_text(encoding="utf-8")).substitute(values)
        (folder / relative).write_text(content, encoding="utf-8")


def server_files() -> list[Path]:
    """The files of the repository that a server takes, relative to it."""
    copied = (file.relative_to(_REPOSITORY) for file in _files(*_COPIED))
    return [relative for relative in copied if not relative.is_relative_to(_LEFT_OUT)]


def _names(package: Package) -> Mapping[str, object]:
    """What the templates call the model, its objects and its runtime."""
    model = package.model
    return {
        "name": package.name,
        "object": PREFIX + package.name,
        # KServe's names begin with a letter.
        "service": package.name if package.name[0].isalpha() else PREFIX + package.name,
        "image": package.image,
        "model": quote(model.name),
        "version": model.version,
        "runtime": package.runtime,
        "format": _FORMATS[Path(model.file).suffix],
        "contract_format": CONTRACT_FORMAT,
        "deny_write_execute": "no" if package.runtime == "openvino" else "yes",
    }


def _files(*entries: str) -> Iterator[Path]:
    """The files of the repository's `entries`, sorted, without what Python caches."""
    for entry in entries:
        path = _REPOSITORY / entry
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (each for each in found if each.is_file() and "__pycache__" not in each.parts)
