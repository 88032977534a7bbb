"""The main job as people run it: the command line, on the digits, in processes of its own."""

import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.device.contract import read_contract
from edge.device.files import retired
from edge.device.golden import check_golden, read_golden
from edge.device.manifest import read_manifest, verify_outputs
from edge.runtimes import SIMULATORS, open_runtime
from edge.target import size_of_model
from pipeline.data.dataset import Split, load_dataset

Command = Callable[..., subprocess.CompletedProcess[str]]

TARGETS = ("cpu", "coral", "jetson", "mcu", "openvino")
ROW_KEYS = {
    "top1",
    "top1_interval",
    "drop",
    "agreement",
    "bytes",
    "latency_ms",
    "tried",
    "sha256",
    "precision",
    "board",
    "figures",
}


def test_results_hold_every_target_with_a_proof(finished_run: Path) -> None:
    results = json.loads((finished_run / "export" / "results.json").read_text())
    assert {row["target"] for row in results["artefacts"]} == set(TARGETS)
    for row in results["artefacts"]:
        assert row.keys() >= ROW_KEYS
        assert row["top1_interval"][0] <= row["top1"] <= row["top1_interval"][1]
        assert row["drop"] == pytest.approx(results["float_model"]["top1"] - row["top1"])
        if row["runtime"] in SIMULATORS:
            assert row["latency_ms"] == {"p50": None, "p99": None}
        else:
            assert 0 < row["latency_ms"]["p50"] <= row["latency_ms"]["p99"]
        assert size_of_model(finished_run / row["file"]) == row["bytes"]
        assert [rung["accepted"] for rung in row["tried"]][-1]


def test_figures_are_those_of_a_fresh_count(finished_run: Path) -> None:
    results = json.loads((finished_run / "export" / "results.json").read_text())
    blind = load_dataset(finished_run / "data").part(Split.BLIND_TEST)
    for row in results["artefacts"]:
        folder = finished_run / "export" / row["target"]
        layout = read_contract(folder).input.layout
        logits = open_runtime(row["runtime"], finished_run / row["file"], layout=layout).run(blind.all())
        assert np.mean(logits.argmax(1) == blind.labels) == pytest.approx(row["top1"])


@pytest.mark.parametrize("target", TARGETS)
def test_artefact_is_whole_and_every_named_runtime_gives_the_golden_answers(finished_run: Path, target: str) -> None:
    folder = finished_run / "export" / target
    verify_outputs(folder, read_manifest(folder))
    contract, golden = read_contract(folder), read_golden(folder)
    assert golden.inputs.shape == (16, 8, 8, 1)
    for model in contract.files:
        for runtime in model.runtimes:
            interpreter = open_runtime(runtime, folder / model.file, layout=contract.input.layout)
            check_golden(golden, interpreter.run, runtime)


def test_onnx_twin_equals_the_reference_kernels_on_every_blind_test_logit(finished_run: Path) -> None:
    blind = load_dataset(finished_run / "data").part(Split.BLIND_TEST).all()
    folder = finished_run / "export" / "cpu"
    reference = open_runtime("litert-reference", folder / "model.tflite").run(blind)
    twin = open_runtime("onnxruntime", folder / "model.onnx").run(blind)
    np.testing.assert_array_equal(twin, reference)


def test_calibration_is_balanced_and_comes_from_training(finished_run: Path) -> None:
    rows = json.loads((finished_run / "quantize" / "calibration.json").read_text())
    training = load_dataset(finished_run / "data").part(Split.TRAINING)
    label_of = dict(zip(training.names, training.labels, strict=True))
    counts = np.bincount([label_of[row["name"]] for row in rows])
    assert counts.sum() == 200
    assert counts.max() - counts.min() <= 1


def test_history_curves_and_tensorboard_logs_are_written(finished_run: Path) -> None:
    with (finished_run / "train" / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    with Image.open(finished_run / "train" / "curves.png") as picture:
        assert picture.width > 500
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logs = EventAccumulator(str(finished_run / "train" / "tensorboard" / "train"))
    logs.Reload()
    assert len(logs.Tensors("validation_accuracy")) == 6


def test_second_run_is_up_to_date_without_tensorflow(
    edgewise: Command, quick_digits: tuple[str, ...], finished_run: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished_run.rglob("manifest.json")}
    for command in ("train", "quantize", "export"):
        # A TensorFlow that cannot be imported shows that none is.
        done = edgewise(command, "recipes/digits.toml", *quick_digits, "--run", finished_run)
        assert done.returncode == 0, done.stderr
        assert "up to date" in done.stderr
    assert before == {path: path.stat().st_mtime_ns for path in finished_run.rglob("manifest.json")}


def test_evaluate_proves_the_run_again(edgewise: Command, quick_digits: tuple[str, ...], finished_run: Path) -> None:
    before = json.loads((finished_run / "export" / "results.json").read_text())
    done = edgewise("evaluate", "recipes/digits.toml", *quick_digits, "--run", finished_run, "--json")
    assert done.returncode == 0, done.stderr
    after = json.loads(done.stdout)
    assert [row["top1"] for row in after["artefacts"]] == [row["top1"] for row in before["artefacts"]]


@pytest.fixture
def photographs(finished_run: Path, tmp_path: Path) -> Path:
    """Thirty blind-test digits as PNG files, a folder for each class."""
    blind = load_dataset(finished_run / "data").part(Split.BLIND_TEST)
    for at, picture in enumerate(blind.all()[:30]):
        place = tmp_path / "digits" / str(blind.labels[at]) / f"{at}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture[..., 0]).save(place)
    return tmp_path / "digits"


@pytest.mark.parametrize(("target", "runtime"), [("cpu", "onnxruntime"), ("coral", None), ("jetson", None)])
def test_evaluate_runs_an_artefact_on_any_folder(
    edgewise: Command, finished_run: Path, photographs: Path, target: str, runtime: str | None
) -> None:
    folder = finished_run / "export" / target
    chosen = ("--runtime", runtime) if runtime else ()
    done = edgewise("evaluate", folder, "--data", photographs, "--json", *chosen)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    blind = load_dataset(finished_run / "data").part(Split.BLIND_TEST)
    contract = read_contract(folder)
    file = folder / contract.file_for(figures["runtime"])
    logits = open_runtime(figures["runtime"], file, layout=contract.input.layout).run(blind.all()[:30])
    assert figures["samples"] == 30
    assert figures["top1"] == pytest.approx(np.mean(logits.argmax(1) == blind.labels[:30]))


def test_preview_draws_a_sheet(
    edgewise: Command, quick_digits: tuple[str, ...], finished_run: Path, tmp_path: Path
) -> None:
    changes = "flip=true, crop=0.1, rotate=15, zoom=0.1, brightness=0.1, contrast=0.1, cutout=0.3, mixup=0.2"
    sheet = tmp_path / "sheet.png"
    run = ("--run", finished_run, "--set", f"train.augment={{{changes}}}")
    done = edgewise("preview", "recipes/digits.toml", *quick_digits, *run, "--output", sheet)
    assert done.returncode == 0, done.stderr
    with Image.open(sheet) as picture:
        assert min(picture.size) > 500


@pytest.mark.parametrize("command", ["train", "quantize", "export", "evaluate", "preview"])
def test_help_shows_an_example(edgewise: Command, command: str) -> None:
    done = edgewise(command, "--help")
    assert done.returncode == 0
    assert "Example" in done.stdout
    assert f"edgewise {command} " in done.stdout


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 240
    while not condition():
        assert process.poll() is None, "the process ended before it could be killed"
        assert time.monotonic() < end, "no checkpoint came in time"
        time.sleep(0.02)


def step_of(checkpoint: Path) -> int:
    """The step that a checkpoint holds, -1 where there is none yet.

    A checkpoint is exchanged in two renames. Whoever looks between them finds it nowhere or retired, and after a kill
    between them it stays retired until the next start.
    """
    for folder in (checkpoint, retired(checkpoint), checkpoint):
        try:
            return int(json.loads((folder / "progress.json").read_text())["step"])
        except FileNotFoundError:
            continue
    return -1


@pytest.mark.parametrize(
    ("command", "checkpoint", "result"),
    [
        ("train", ".train.work/train/last", "train"),
        ("quantize", ".quantize.work/qat/last", "quantize"),
    ],
)
def test_killed_run_ends_with_the_weights_of_an_uninterrupted_one(
    edgewise: Command,
    quick_digits: tuple[str, ...],
    finished_run: Path,
    tmp_path: Path,
    command: str,
    checkpoint: str,
    result: str,
) -> None:
    run = tmp_path / "run"
    often = ("--set", "train.checkpoint_minutes=0.002")
    if command == "quantize":
        assert edgewise("train", "recipes/digits.toml", *quick_digits, "--run", run).returncode == 0
    arguments = (command, "recipes/digits.toml", *quick_digits, *often, "--run", str(run))
    step = -1
    for _ in range(2):
        process = subprocess.Popen([Path(sys.executable).parent / "edgewise", *arguments], stderr=subprocess.DEVNULL)

        def went_on(before: int = step) -> bool:
            return step_of(run / checkpoint) > before + 7

        wait_for(went_on, process)
        process.kill()
        process.wait()
        step = step_of(run / checkpoint)
    done = edgewise(*arguments)
    assert done.returncode == 0, done.stderr
    assert "going on from the last checkpoint" in done.stderr
    assert not (run / f".{result}.work").exists()
    if command == "train":
        with np.load(run / "train" / "float.npz") as killed, np.load(finished_run / "train" / "float.npz") as whole:
            np.testing.assert_array_equal(killed["validation"], whole["validation"])
            np.testing.assert_array_equal(killed["blind_test"], whole["blind_test"])
        assert (run / "train" / "history.csv").read_text() == (finished_run / "train" / "history.csv").read_text()
    else:
        # The converter writes the same network to the same bytes.
        assert (run / "quantize" / "int8-qat.tflite").read_bytes() == (
            finished_run / "quantize" / "int8-qat.tflite"
        ).read_bytes()
