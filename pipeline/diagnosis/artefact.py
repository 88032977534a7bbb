"""The diagnosis of an artefact against a train folder, as the command line asks for it."""

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import NAME as CONTRACT
from edge.device.contract import Contract, artifacts_of, read_contract
from edge.device.errors import BadArtifact
from edge.tflite import read_graph
from pipeline.data.dataset import Samples, Split, load_dataset
from pipeline.data.labelled import labelled_folder
from pipeline.data.source import Report
from pipeline.diagnosis.diagnose import Place, diagnose
from pipeline.diagnosis.diagnosis import Diagnosis
from pipeline.diagnosis.materials import enough_pictures, write_float_file
from pipeline.diagnosis.tracing import can_trace
from pipeline.isolate import Child


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
        return diagnose(
            reference, others, contract.precision, float_file, pictures, entry.scale, entry.zero_point, child, report
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
    return samples.pick(np.linspace(0, len(samples) - 1, min(len(samples), count)).round().astype(np.int64))


def _validation(trained: Path) -> Samples:
    stored = trained.parent / "data"
    if not stored.is_dir():
        raise BadArtifact(f"{stored}: not there, so no validation pictures; give --data FOLDER with labelled ones")
    return load_dataset(stored).part(Split.VALIDATION)


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
