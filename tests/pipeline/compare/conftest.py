"""Copies of the finished run that differ from it in one known thing."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.device.contract import artifacts_of
from edge.device.manifest import hash_outputs, read_manifest, write_manifest
from pipeline.data.dataset import Split, load_dataset
from pipeline.origins import outputs_hash


def sealed(folder: Path) -> None:
    """Write the manifest of a folder that was changed as if a stage had made it so."""
    write_manifest(folder, replace(read_manifest(folder), outputs=hash_outputs(folder)))


def made_of(stage: Path, *before: Path) -> None:
    """Say in the manifest of `stage` that it was made from what stands in the folders `before` now."""
    manifest = read_manifest(stage)
    inputs = {folder.name: outputs_hash(read_manifest(folder)) for folder in before}
    write_manifest(stage, replace(manifest, inputs={**manifest.inputs, **inputs}))


@pytest.fixture
def twin(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, to be changed."""
    return Path(shutil.copytree(finished_run, tmp_path / "twin"))


@pytest.fixture
def new_data(twin: Path) -> Path:
    """The run whose data stage was done again, with one pixel of a blind-test picture changed, and no other stage."""
    images = np.load(twin / "data" / "images.npy")
    at = load_dataset(twin / "data").part(Split.BLIND_TEST).index[7]
    images[at, 0, 0, 0] ^= 1
    np.save(twin / "data" / "images.npy", images)
    sealed(twin / "data")
    return twin


@pytest.fixture
def new_training(new_data: Path) -> Path:
    """The run with new data and a training on them, and the artefacts that were there before."""
    made_of(new_data / "train", new_data / "data")
    return new_data


@pytest.fixture
def other_pictures(new_training: Path) -> Path:
    """The run as if all of it had been made from the data with the changed pixel."""
    for artefact in artifacts_of(new_training):
        made_of(artefact, new_training / "data", new_training / "train")
    return new_training


@pytest.fixture
def worse_float(twin: Path) -> Path:
    """The run with a float model that gets ten blind-test pictures wrong, which it got right."""
    with np.load(twin / "train" / "float.npz") as arrays:
        logits = dict(arrays)
    truth = load_dataset(twin / "data").part(Split.BLIND_TEST).labels
    right = np.flatnonzero(logits["blind_test"].argmax(1) == truth)[:10]
    logits["blind_test"][right] = np.roll(logits["blind_test"][right], 1, axis=1)
    np.savez(twin / "train" / "float.npz", **logits)
    sealed(twin / "train")
    for artefact in artifacts_of(twin):
        made_of(artefact, twin / "train")
    return twin


@pytest.fixture
def short_answers(twin: Path) -> Path:
    """The run with one answer of its float model missing."""
    with np.load(twin / "train" / "float.npz") as arrays:
        logits = {name: answers[:-1] for name, answers in arrays.items()}
    np.savez(twin / "train" / "float.npz", **logits)
    sealed(twin / "train")
    return twin


@pytest.fixture
def relabelled(twin: Path) -> Callable[[dict[str, str]], Path]:
    """The cpu artefact with labels called otherwise."""

    def change(names: dict[str, str]) -> Path:
        folder = twin / "export" / "cpu"
        contract = json.loads((folder / "contract.json").read_text())
        contract["output"]["labels"] = [names.get(name, name) for name in contract["output"]["labels"]]
        (folder / "contract.json").write_text(json.dumps(contract))
        sealed(folder)
        return folder

    return change


@pytest.fixture
def photographs(finished_run: Path, tmp_path: Path) -> Path:
    """Sixty blind-test digits as PNG files, a folder for each class."""
    blind = load_dataset(finished_run / "data").part(Split.BLIND_TEST)
    for at, picture in enumerate(blind.all()[:60]):
        place = tmp_path / "photographs" / str(blind.labels[at]) / f"{at}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture[..., 0]).save(place)
    return tmp_path / "photographs"
