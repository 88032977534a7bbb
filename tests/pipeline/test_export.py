"""The export stage beside what the main job's test sees."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from edge.device.contract import read_contract
from edge.runtimes import open_runtime
from pipeline.data.dataset import Split, load_dataset

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
