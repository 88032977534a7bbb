"""What can be compared, and the pictures that it was proven on."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np

from edge.device.contract import NAME as CONTRACT
from edge.device.errors import BadArtifact
from edge.device.manifest import NAME as MANIFEST
from edge.device.manifest import read_manifest, verify_outputs
from pipeline.data.dataset import Dataset, Samples, Split, load_dataset
from pipeline.origins import outputs_hash

RESULTS = (Path("export") / "results.json", Path("report") / "results.json")  # the first is the newer one

_CHUNK = 1024  # pictures


def kind_of(folder: Path) -> Literal["run", "artefact"]:
    """Raises BadArtifact where `folder` is neither a run nor an artefact."""
    if (folder / CONTRACT).exists():
        return "artefact"
    if any((folder / place).exists() for place in RESULTS):
        return "run"
    found = "not there" if not folder.exists() else f"neither a run ({RESULTS[0]}) nor an artefact ({CONTRACT})"
    raise BadArtifact(f"{folder}: {found}; give runs such as runs/digits, or artefacts such as runs/digits/export/cpu")


def blind_test(run: Path) -> tuple[Dataset, Samples] | None:
    """The data set of a run and its blind test; None where the run folder has no data.

    Raises BadArtifact where the data were changed.
    """
    folder = run / "data"
    if not (folder / MANIFEST).exists():
        return None
    verify_outputs(folder, read_manifest(folder))
    dataset = load_dataset(folder)
    return dataset, dataset.part(Split.BLIND_TEST)


def made_of_other_data(run: Path, stages: Iterable[Path]) -> Path | None:
    """The first of the folders `stages` that was made from other data than stand in run/data now, whose blind test may
    hold what it was trained on; None where there is none. One without a manifest is passed over.

    Raises BadArtifact where a manifest was changed.
    """
    now = outputs_hash(read_manifest(run / "data"))
    made = (stage for stage in stages if (stage / MANIFEST).exists())
    return next((stage for stage in made if read_manifest(stage).inputs.get("data") != now), None)


def same_pictures(first: Samples, second: Samples) -> bool:
    """Whether both hold equal pixels with equal labels, in the same order."""
    if first.images.shape[1:] != second.images.shape[1:] or not np.array_equal(first.labels, second.labels):
        return False
    starts = (np.arange(at, min(at + _CHUNK, len(first))) for at in range(0, len(first), _CHUNK))
    return all(np.array_equal(first.pick(positions), second.pick(positions)) for positions in starts)
