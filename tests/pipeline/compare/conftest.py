"""Copies of the finished run that differ from it in one known thing."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.device.manifest import hash_outputs, read_manifest, write_manifest
from pipeline.data.dataset import Split, load_dataset


def sealed(folder: Path) -> None:
    """Write the manifest of a folder that was changed as if a stage had made it so."""
    write_manifest(folder, replace(read_manifest(folder), outputs=hash_outputs(folder)))


@pytest.fixture
def twin(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, to be changed."""
    return Path(shutil.copytree(finished_run, tmp_path / "twin"))


@pytest.fixture
def other_pictures(twin: Path) -> Path:
    """The run with one pixel of its data changed."""
    images = np.load(twin / "data" / "images.npy")
    at = load_dataset(twin / "data").part(Split.BLIND_TEST).index[7]
    images[at, 0, 0, 0] ^= 1
    np.save(twin / "data" / "images.npy", images)
    sealed(twin / "data")
    return twin


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
