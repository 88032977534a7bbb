"""From an artefact to a bundle: planned as data, then written as one file."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from edge.boards import find_board
from edge.bundle import bom
from edge.bundle.needs import needs_of
from edge.bundle.runner import PYTHON, brought_versions, runner
from edge.bundle.signing import sign
from edge.device.bundle import archive, signature
from edge.device.bundle.description import NAME as DESCRIPTION
from edge.device.bundle.description import Description, File, Need, as_json, description_of
from edge.device.contract import Contract, artifacts_of, read_contract
from edge.device.errors import BadArtifact, BadBundle, BadSetting
from edge.device.files import read_json, write_bytes
from edge.device.manifest import read_manifest, verify_outputs
from edge.device.requirements import RUNNABLE
from edge.device.slots import ARTIFACT, RUNNER

LABELS, LICENCE = "labels.txt", "LICENSE"
_NO_LICENCE = "No licence was stated for this model. Ask whoever made it before you pass it on.\n"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What goes into a bundle: the description, and every file's content by its path, all sorted."""

    description: Description
    contents: Mapping[str, bytes]


def find_artifact(path: Path, target: str | None) -> Path:
    """The artefact of `target` in the run folder `path`, or `path` itself where it is one.

    Raises BadArtifact where it is not there, or where it is not clear which is meant.
    """
    if (path / "contract.json").is_file():
        return path
    inside = {each.name: each for each in artifacts_of(path)}
    if not inside:
        raise BadArtifact(f"{path}: no artefact there; make one with: make train export")
    if target is None:
        raise BadArtifact(f"{path}: holds {', '.join(inside)}; say which with --target")
    if target not in inside:
        raise BadArtifact(
            f"{path}: no artefact for {target!r}; expected one of {', '.join(inside)}, or export it first"
        )
    return inside[target]


def plan(artifact: Path, board: str | None, licence: Path | None) -> Plan:
    """What the bundle of the artefact in the folder `artifact` will hold; nothing is written.

    `board`: the only one that may install it. `licence`: the file of the model's licence.
    Raises BadArtifact where the artefact was changed or is not proven, BadBoard, BadSetting, BadBundle.
    """
    manifest = read_manifest(artifact)
    verify_outputs(artifact, manifest)
    contract = read_contract(artifact)
    proof = read_json(artifact / "proof.json")
    chosen = _board(contract.target, board or proof.get("board"))
    needs = needs_of(artifact, contract)
    if contract.target in RUNNABLE and not needs:
        raise BadBundle(f"{artifact}: none of its runtimes is one that the runner has; export it again")
    stated = _licence(licence)
    contents = {f"{ARTIFACT}/{name}": (artifact / name).read_bytes() for name in [*manifest.outputs, "manifest.json"]}
    contents[LABELS] = "".join(f"{label}\n" for label in contract.output.labels).encode()
    contents[LICENCE] = stated.encode()
    material = bom.bill_of_materials(
        contract, proof["proofs"], needs, brought_versions(), licence.name if licence else ""
    )
    contents[bom.NAME] = _json(material)
    if contract.target in RUNNABLE:
        contents[RUNNER] = runner()
    return Plan(description=_description(contract, chosen, needs, contents), contents=dict(sorted(contents.items())))


def write_bundle(made: Plan, key: Path, output: Path | None) -> Path:
    """Sign what is planned with the private key at `key`, and write it as one file, whole or not at all.

    `output`: a file, or a folder for name-version-target.bundle; the current folder where it is None.
    Raises BadSetting where the key cannot be used.
    """
    path = _place(made.description, output)
    files = {DESCRIPTION: _json(as_json(made.description)), **made.contents}
    with TemporaryDirectory(prefix="edgewise-") as place:
        folder = Path(place) / made.description.file_name  # which the signature names
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        files = {signature.NAME: sign(folder, key), **files}
    write_bytes(path, pack(files))
    return path


def pack(files: Mapping[str, bytes]) -> bytes:
    """The archive of `files`, in their order."""
    parts = [
        part
        for name, data in files.items()
        for part in (archive.header(name, len(data)), data, archive.padding(len(data)))
    ]
    return b"".join([*parts, b"\0" * archive.END])


def _description(contract: Contract, board: str, needs: tuple[Need, ...], contents: Mapping[str, bytes]) -> Description:
    files = tuple(
        File(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest())
        for name, content in sorted(contents.items())
    )
    description = Description(
        name=contract.name,
        version=contract.version,
        target=contract.target,
        precision=contract.precision,
        python=PYTHON,
        runtimes=needs,
        files=files,
        board=board,
    )
    # What a device would refuse is found here.
    return description_of(json.loads(json.dumps(as_json(description))))


def _board(target: str, name: str | None) -> str:
    board = find_board(target, name)
    return "" if board is None else board.name


def _licence(path: Path | None) -> str:
    if path is None:
        return _NO_LICENCE
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"{path}: no licence that can be read ({error}); expected a text file") from None


def _place(description: Description, output: Path | None) -> Path:
    folder = Path() if output is None else output
    if not folder.is_dir() and folder.suffix != ".bundle":
        raise BadSetting(f"{folder}: no such folder; make it, or name a file that ends in .bundle with --output")
    path = folder / description.file_name if folder.is_dir() else folder
    if not path.parent.is_dir():
        raise BadSetting(f"{path.parent}: no such folder; make it, or name another with --output")
    if not os.access(path.parent, os.W_OK):
        raise BadSetting(f"{path.parent}: not writable; name another with --output")
    return path


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
