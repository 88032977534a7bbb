"""The diagnosis of an artefact against a train folder, as the command line asks for it."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import NAME as CONTRACT
from edge.device.contract import Contract, artifacts_of, read_contract
from edge.device.errors import BadArtifact
from edge.device.manifest import NAME as MANIFEST
from edge.device.manifest import read_manifest
from edge.tflite import read_graph
from pipeline.data.dataset import Samples, Split, load_dataset
from pipeline.data.labelled import labelled_folder
from pipeline.data.source import Report
from pipeline.diagnosis.advice import Advice
from pipeline.diagnosis.diagnose import Place, diagnose
from pipeline.diagnosis.diagnosis import Diagnosis
from pipeline.diagnosis.materials import enough_pictures, write_float_file
from pipeline.diagnosis.tracing import can_trace
from pipeline.isolate import Child
from pipeline.origins import outputs_hash
from pipeline.subset import spread


def diagnose_artefact(folder: Path, trained: Path, data: Path | None, samples: int | None, report: Report) -> Diagnosis:
    """Look into the artefact in `folder` beside the float model of the train stage's folder `trained`.

    Pictures are `samples` of those in `data`, a labelled folder, or of the run's validation split.
    Raises BadArtifact where `folder` is no artefact, its layers cannot be looked at, it takes other pictures, or
    `trained` holds no trained model; BadData, BadModel, ConversionFailed, Unavailable.
    """
    contract = _contract(folder)
    reference, others = _places(folder, contract)
    if not (trained / "model.keras").is_file():
        raise BadArtifact(f"{trained}: no model.keras there; give --against the train folder of a run, runs/NAME/train")
    if data is None:
        _require_same_input(folder, contract, _validation(trained).images.shape[1:], trained)
    with tempfile.TemporaryDirectory(prefix="edgewise-") as place, Child() as child:
        report("converting the float model", 0, 1)
        float_file = write_float_file(trained, contract.input, Path(place), child)
        _require_same_input(folder, contract, read_graph(float_file).input.shape[1:], trained)
        pictures = _pictures(contract, trained, data, samples or enough_pictures(float_file), report)
        entry = contract.input
        found = diagnose(
            reference, others, contract.precision, float_file, pictures, entry.scale, entry.zero_point, child, report
        )
    another = another_training(folder, trained)
    if another is None:
        return found
    # Beside another training no verdict is good; that one layer stands out is still to be known.
    return replace(found, advice=(another, *(each for each in found.advice if each.kind != "good")))


def another_training(folder: Path, trained: Path) -> Advice | None:
    """What to say where the manifest of the artefact in `folder` names another training than that in `trained`.

    None where it is that very one, or one of the folders has no manifest that tells.
    Raises BadArtifact where a manifest is damaged.
    """
    if not (folder / MANIFEST).is_file() or not (trained / MANIFEST).is_file():
        return None
    wanted, found = read_manifest(folder).inputs.get("train"), outputs_hash(read_manifest(trained))
    if wanted is None or wanted == found:
        return None
    return Advice(
        rule="another training",
        layers=(),
        kind="bad",
        words=(
            f"{folder} was not exported from {trained}, but from a training whose outputs have the hash {wanted[:12]}… "
            f"({found[:12]}… here): what differs between the two trainings counts as error of the layers. Where that "
            "is not on purpose, give --against the train folder that it was made from, or export it again."
        ),
    )


def _contract(folder: Path) -> Contract:
    if not (folder / CONTRACT).is_file():
        inside = artifacts_of(folder)
        hint = f"; it holds {', '.join(map(str, inside))}" if inside else "; artefacts stand in runs/<recipe>/export/"
        raise BadArtifact(f"{folder}: no {CONTRACT} there, so not an artefact{hint}")
    return read_contract(folder)


def _places(folder: Path, contract: Contract) -> tuple[Place, tuple[Place, ...]]:
    """The artefact's reference, and its other files and runtimes."""
    places = [
        Place(
            name=f"{folder.name}/{model.file} in {runtime}",
            file=folder / model.file,
            runtime=runtime,
            layout=contract.input.layout,
        )
        for model in contract.files
        for runtime in model.runtimes
    ]
    seen = [place for place in places if can_trace(place.file, place.runtime)]
    if not seen:
        known = ", ".join(place.name for place in places)
        raise BadArtifact(
            f"{folder}: only TFLite and ONNX files let their layers be looked at, this artefact has {known}; "
            "diagnose another target of the run"
        )
    for place in seen:
        if not place.file.is_file():
            raise BadArtifact(f"{place.file}: not there, though the contract names it; export it again")
    return seen[0], tuple(seen[1:])


def _require_same_input(folder: Path, contract: Contract, expected: tuple[int, ...], trained: Path) -> None:
    if contract.input.picture != expected:
        raise BadArtifact(
            f"{folder}: takes pictures of {_size(contract.input.picture)}, the model in {trained} of "
            f"{_size(expected)}; give --against the train folder that the artefact was made from"
        )


def _pictures(contract: Contract, trained: Path, data: Path | None, count: int, report: Report) -> NDArray[np.uint8]:
    """`count` pictures, or all where there are fewer, evenly over their order."""
    if data is None:
        samples = _validation(trained)
    else:
        samples = labelled_folder(data, contract.input, contract.output.labels, report).samples
    return samples.pick(spread(len(samples), count))


def _validation(trained: Path) -> Samples:
    stored = trained.parent / "data"
    if not stored.is_dir():
        raise BadArtifact(f"{stored}: not there, so no validation pictures; give --data FOLDER with labelled ones")
    return load_dataset(stored).part(Split.VALIDATION)


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
