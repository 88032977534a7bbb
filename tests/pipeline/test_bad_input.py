"""What a person can get wrong at the command line: a message, exit code 2 or 3, no traceback, nothing half-written."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.stage import locked

Command = Callable[..., subprocess.CompletedProcess[str]]


def refused(done: subprocess.CompletedProcess[str], *words: str, code: int = 2) -> None:
    message = " ".join(done.stderr.split())
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in message


def half_written(run: Path) -> list[str]:
    return [path.name for path in run.rglob("*") if path.name.endswith((".new", ".partial", ".old"))]


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Two classes of twenty small random pictures."""
    generator = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (tmp_path / "photographs" / label).mkdir(parents=True)
        for at in range(20):
            pixels = generator.integers(0, 256, (12, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photographs" / label / f"{at}.png")
    return tmp_path / "photographs"


@pytest.fixture
def recipe(tmp_path: Path, photographs: Path) -> Path:
    path = tmp_path / "pets.toml"
    path.write_text(
        f'name = "pets"\n[data]\nroot = "{photographs}"\nimage_size = 12\n[model]\nname = "mlp"\n[train]\nepochs = 1\n'
    )
    return path


def test_mistyped_key_is_named(edgewise: Command, recipe: Path, tmp_path: Path) -> None:
    done = edgewise("train", recipe, "--set", "train.epoch=3", "--run", tmp_path / "run")
    refused(done, "train.epoch: unknown key; did you mean train.epochs?")
    assert not (tmp_path / "run").exists()


def test_missing_folder_is_named(edgewise: Command, recipe: Path, tmp_path: Path) -> None:
    refused(edgewise("train", recipe, "--set", "data.root=/nowhere", "--run", tmp_path / "run"), "data.root: /nowhere")


def test_text_named_jpg_is_refused_and_nothing_is_left(
    edgewise: Command, recipe: Path, photographs: Path, tmp_path: Path
) -> None:
    (photographs / "cat" / "note.jpg").write_text("no picture")
    done = edgewise("train", recipe, "--run", tmp_path / "run")
    refused(done, "cat/note.jpg", "data.skip_unreadable")
    assert not (tmp_path / "run" / "data").exists()
    assert half_written(tmp_path / "run") == []


def test_one_class_alone_is_refused(edgewise: Command, recipe: Path, photographs: Path, tmp_path: Path) -> None:
    shutil.rmtree(photographs / "dog")
    refused(edgewise("train", recipe, "--run", tmp_path / "run"), "cat")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("model.h5", b"nonsense", "neither HDF5 nor a .keras archive"),
        ("model.keras", b"PK\x05\x06" + bytes(18), "a zip archive but no .keras model"),
    ],
)
def test_file_that_is_no_model_is_refused(
    edgewise: Command, tmp_path: Path, recipe: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    path = tmp_path / "own.toml"
    path.write_text(recipe.read_text().replace('name = "mlp"', f'file = "{name}"'))
    refused(edgewise("train", path, "--run", tmp_path / "run"), name, words)
    assert not (tmp_path / "run" / "train").exists()


def test_stage_without_the_one_before_names_the_command(edgewise: Command, recipe: Path, tmp_path: Path) -> None:
    refused(edgewise("export", recipe, "--run", tmp_path / "run"), "run `edgewise train RECIPE` first")


@pytest.mark.parametrize(
    ("target", "limit", "words"),
    [
        ("coral", "bytes=1000", ("coral: int8-qat: takes", "1,000 are allowed")),
        ("mcu", "arena_bytes=1000", ("mcu: int8-qat: takes", "mcu: int16x8: takes", "arena bytes, 1,000 are allowed")),
        ("openvino", "cells=1000", ("has no figure cells",)),
    ],
)
def test_limit_that_no_rung_holds_fails_the_proof(
    target: str,
    limit: str,
    words: tuple[str, ...],
    edgewise: Command,
    quick_digits: tuple[str, ...],
    finished_run: Path,
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    settings = (*quick_digits, "--set", f"export.limits.{target}.{limit}", "--run", run, "--targets", target)
    done = edgewise("export", "recipes/digits.toml", *settings)
    refused(done, *words, "no rung holds; for the limits", code=3)
    assert half_written(run) == []
    (failure,) = json.loads((run / "export" / "results.json").read_text())["refused"]
    assert {rung["cause"] for rung in failure["tried"]} == {"limit"}
    assert all(rung["validation_top1"] > 0 for rung in failure["tried"])


def test_board_that_a_target_does_not_have_is_named(edgewise: Command, tmp_path: Path) -> None:
    settings = ("--set", "export.boards.mcu=abacus", "--run", tmp_path / "run")
    refused(edgewise("export", "recipes/digits.toml", *settings), "board 'abacus': unknown to the target mcu", "rp2040")


def test_tampered_artefact_is_refused(edgewise: Command, finished_run: Path, photographs: Path, tmp_path: Path) -> None:
    artefact = tmp_path / "cpu"
    shutil.copytree(finished_run / "export" / "cpu", artefact)
    content = bytearray((artefact / "model.tflite").read_bytes())
    content[-100] ^= 1
    (artefact / "model.tflite").write_bytes(content)
    refused(edgewise("evaluate", artefact, "--data", photographs), "model.tflite: SHA-256")


def test_folder_that_is_no_artefact_is_refused(edgewise: Command, finished_run: Path, photographs: Path) -> None:
    refused(edgewise("evaluate", finished_run, "--data", photographs), "no contract.json there", "export/cpu")


def test_folder_with_other_classes_is_refused(edgewise: Command, finished_run: Path, photographs: Path) -> None:
    refused(edgewise("evaluate", finished_run / "export" / "cpu", "--data", photographs), "cat")


def test_unknown_runtime_is_refused(edgewise: Command, finished_run: Path, photographs: Path) -> None:
    done = edgewise("evaluate", finished_run / "export" / "cpu", "--data", photographs, "--runtime", "toaster")
    refused(done, "toaster", "litert")


def test_artefact_without_data_says_what_is_missing(edgewise: Command, finished_run: Path) -> None:
    refused(edgewise("evaluate", finished_run / "export" / "cpu"), "--data FOLDER")


def test_two_runs_at_once_on_one_folder_are_refused(edgewise: Command, recipe: Path, tmp_path: Path) -> None:
    with locked(tmp_path / "run"):
        refused(edgewise("train", recipe, "--run", tmp_path / "run"), "another edgewise is at work there")


def in_small_disk(tmp_path: Path, options: str, script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script in a mount namespace of its own where tmp_path/disk is a small tmpfs."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = f"mount -t tmpfs -o {options} tmpfs {disk} && {script}"
    if subprocess.run(["unshare", "-rm", "sh", "-c", f"mount -t tmpfs tmpfs {disk}"], capture_output=True).returncode:
        pytest.skip("needs user and mount namespaces, which this machine does not give")
    program = str(Path(sys.executable).parent / "edgewise")
    environment = {**os.environ, "EDGEWISE": program, "DISK": str(disk), "COLUMNS": "200"}
    command = ["unshare", "-rm", "sh", "-c", mounted]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)


def test_full_disk_is_said_and_leaves_nothing_half_written(tmp_path: Path, recipe: Path) -> None:
    leftovers = "find $DISK -name '*.new' -o -name '*.partial'"
    script = f"$EDGEWISE train {recipe} --run $DISK/run; code=$?; {leftovers}; exit $code"
    done = in_small_disk(tmp_path, "size=300k", script)
    refused(done, "no space left")
    assert done.stdout == ""


def test_read_only_folder_is_said(tmp_path: Path, recipe: Path) -> None:
    script = f"mount -o remount,ro $DISK && $EDGEWISE train {recipe} --run $DISK/run"
    refused(in_small_disk(tmp_path, "size=300k", script), "read-only")


def test_loss_that_is_no_number_stops_training_with_advice(edgewise: Command, recipe: Path, tmp_path: Path) -> None:
    wild = ("--set", "train.optimizer=sgd", "--set", "train.learning_rate=1e30", "--set", "train.epochs=30")
    done = edgewise("train", recipe, *wild, "--run", tmp_path / "run")
    refused(done, "the loss is not a number", "--set train.learning_rate=")
    assert not (tmp_path / "run" / "train").exists()


def test_interrupted_training_keeps_its_checkpoint_and_says_how_to_go_on(recipe: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    program = Path(sys.executable).parent / "edgewise"
    arguments = ("train", str(recipe), "--set", "train.epochs=100000", "--run", str(run))
    process = subprocess.Popen([program, *arguments], stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 120
    while not (run / ".train.work" / "train" / "last").exists() and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again to go on" in message
    assert "Traceback" not in message
    step = json.loads((run / ".train.work" / "train" / "last" / "progress.json").read_text())["step"]
    assert step > 0
