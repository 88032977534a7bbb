"""The finished run that is measured: its float model, its data, and the artefacts that it ships."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import Contract, artifacts_of, read_contract
from edge.device.errors import BadArtifact
from edge.device.manifest import read_manifest, verify_outputs
from pipeline.data.dataset import Samples, Split, load_dataset
from pipeline.evaluation import Logits, float_logits
from pipeline.stage import ROOT

DEFAULT_RUN = ROOT / "runs" / "cifar10"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """`scale` and `zero_point` are the input's: the network computes with `scale * (byte - zero_point)`.

    `float_logits`, float32 [n, classes], are what the float Keras model answered on `blind`. `artefacts`: the contract
    of each exported target, with its folder.
    """

    run: Path
    training: Samples
    blind: Samples
    float_logits: Logits
    scale: float
    zero_point: int
    artefacts: dict[Path, Contract]

    @property
    def model(self) -> Path:
        """The trained float model, of the train stage."""
        return self.run / "train" / "model.keras"

    def numbers(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the network computes with, float32, of raw `pictures`."""
        return np.float32(self.scale) * (pictures.astype(np.float32) - np.float32(self.zero_point))


def open_subject(run: Path) -> Subject:
    """The run in the folder `run`.

    Raises BadArtifact where it is not finished, or a file of it was changed.
    """
    folders = artifacts_of(run)
    if not folders or not (run / "train" / "manifest.json").exists():
        raise BadArtifact(
            f"{run}: no finished run; expected a folder with train/ and export/; "
            "run `make train export RECIPE=recipes/cifar10.toml`, or give --run another"
        )
    for folder in (run / "train", *folders):
        verify_outputs(folder, read_manifest(folder))
    artefacts = {folder: read_contract(folder) for folder in folders}
    source = next(iter(artefacts.values())).input
    dataset = load_dataset(run / "data")
    return Subject(
        run=run,
        training=dataset.part(Split.TRAINING),
        blind=dataset.part(Split.BLIND_TEST),
        float_logits=float_logits(run / "train").blind_test,
        scale=source.scale,
        zero_point=source.zero_point,
        artefacts=artefacts,
    )
