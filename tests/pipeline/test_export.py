"""The export stage beside what the main job's test sees."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from edge.device.contract import read_contract
from edge.runtimes import open_runtime
from edge.target import Artifact
from pipeline.answers import Answers
from pipeline.data.dataset import Split, load_dataset
from pipeline.data.source import silent
from pipeline.evaluation import float_logits
from pipeline.export import _temperature
from pipeline.form_store import FormStore
from pipeline.isolate import Child
from pipeline.ladder import Export
from pipeline.recipe import load_recipe

ROOT = Path(__file__).resolve().parents[2]

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("target", ["cpu", "jetson"])
def test_temperature_of_the_contract_is_the_likeliest_on_validation_where_the_recipe_asks(
    edgewise: Command, quick_digits: tuple[str, ...], finished_run: Path, tmp_path: Path, target: str
) -> None:
    run = tmp_path / "digits"
    shutil.copytree(finished_run, run)
    assert read_contract(run / "export" / target).output.temperature == 1.0
    asked = (*quick_digits, "--set", "export.temperature_scaling=true")
    done = edgewise("export", "recipes/digits.toml", *asked, "--targets", target, "--run", run)
    assert done.returncode == 0, done.stderr  # made anew: the manifest knows the key
    contract = read_contract(run / "export" / target)
    file, (runtime, *_) = run / "export" / target / contract.files[0].file, contract.files[0].runtimes
    validation = load_dataset(run / "data").part(Split.VALIDATION)
    logits = open_runtime(runtime, file, layout=contract.input.layout).run(validation.all()).astype(np.float64)

    def likelihood(logarithm: float) -> float:
        scores = log_softmax(logits / np.exp(logarithm), axis=1)
        return -float(scores[np.arange(len(validation)), validation.labels].mean())

    least = minimize_scalar(likelihood, bounds=(-3, 3), method="bounded", options={"xatol": 1e-7})
    assert contract.output.temperature == pytest.approx(np.exp(least.x), rel=1e-3)
    assert contract.output.temperature != 1.0


def test_changed_version_makes_the_export_alone_anew(
    edgewise: Command, quick_digits: tuple[str, ...], finished_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "digits"
    shutil.copytree(finished_run, run)
    asked = (*quick_digits, "--set", "version=1.2.0", "--run", run)
    for command in ("train", "quantize"):
        done = edgewise(command, "recipes/digits.toml", *asked)
        assert done.returncode == 0, done.stderr
        assert "up to date" in done.stderr
    done = edgewise("export", "recipes/digits.toml", *asked, "--targets", "coral")
    assert done.returncode == 0, done.stderr
    assert read_contract(finished_run / "export" / "coral").version == "0.1.0"
    assert read_contract(run / "export" / "coral").version == "1.2.0"


def test_temperature_that_validation_does_not_tell_is_one_with_a_finding(
    finished_run: Path, quick_digits: tuple[str, ...]
) -> None:
    recipe = load_recipe(ROOT / "recipes" / "digits.toml", (*quick_digits[1::2], "export.temperature_scaling=true"))
    contract = read_contract(finished_run / "export" / "cpu")
    folder, precision, (file, *_) = finished_run / "export" / "cpu", contract.precision, contract.files
    artifact = Artifact(folder=folder, target="cpu", precision=precision, files=(file,))
    dataset = load_dataset(finished_run / "data")
    validation = dataset.part(Split.VALIDATION)
    logits = open_runtime(file.runtimes[0], folder / file.file).run(validation.all())
    labels = dataset.labels.copy()
    labels[validation.index] = logits.argmax(1)
    with Child() as child:
        job = Export(
            recipe=recipe,
            target="cpu",
            board=None,
            dataset=replace(dataset, labels=labels),
            float_logits=float_logits(finished_run / "train"),
            forms=FormStore(recipe, finished_run, child, silent),
            answers=Answers(finished_run / "answers"),
            child=child,
            report=silent,
        )
        temperature, findings = _temperature(job, precision, artifact)
    assert temperature == 1.0
    assert [each.partition(":")[0] for each in findings] == ["warning"]
    assert "export.temperature_scaling: asked for, not fitted: on none of the" in findings[0]
