"""Runs with a fault planted in them, whose manifests hold none the less."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.device.manifest import Manifest, hash_outputs, write_manifest
from pipeline.artefacts import standing
from pipeline.data.source import silent
from pipeline.isolate import Child
from pipeline.origins import data_origin, export_origin, quantize_origin, train_origin
from pipeline.recipe import Recipe, TargetName
from pipeline.report.inspection import Inspection
from pipeline.report.stage import inspect

KEPT: tuple[TargetName, ...] = ("cpu", "jetson")  # targets: two say as much as five

PlantedRun = Callable[[Callable[[Path], None]], Any]


@pytest.fixture
def planted(finished_run: Path, inspection: Inspection, tmp_path: Path) -> PlantedRun:
    """`with planted(fault) as inspection`: a copy of the finished run that `fault(run)` changed, sealed anew."""

    @contextmanager
    def inspected(fault: Callable[[Path], None]) -> Iterator[Inspection]:
        run, recipe = Path(shutil.copytree(finished_run, tmp_path / "run")), inspection.recipe
        for folder in (run / "export").iterdir():
            if folder.is_dir() and folder.name not in KEPT:
                shutil.rmtree(folder)
        fault(run)
        _seal(recipe, run)
        places = standing(recipe, run)
        assert set(places) == set(KEPT)  # no stage minds
        with Child() as child:
            yield inspect(recipe, run, places, child, silent)

    return inspected


@pytest.fixture
def edited_contract() -> Callable[..., Callable[[Path], None]]:
    """A fault: `edit(body)` of the contract of `target`."""

    def fault(edit: Callable[[Any], None], target: str = "cpu") -> Callable[[Path], None]:
        def change(run: Path) -> None:
            path = run / "export" / target / "contract.json"
            body = json.loads(path.read_text())
            edit(body)
            path.write_text(json.dumps(body))

        return change

    return fault


def _seal(recipe: Recipe, run: Path) -> None:
    """Write the manifest of every stage for what now stands there, in the order of the stages."""
    _write(run / "data", data_origin(recipe))
    _write(run / "train", train_origin(recipe, run))
    _write(run / "quantize", quantize_origin(recipe, run))
    for target in KEPT:
        _write(run / "export" / target, export_origin(recipe, run, target))


def _write(place: Path, wanted: Manifest) -> None:
    write_manifest(place, replace(wanted, outputs=hash_outputs(place)))
