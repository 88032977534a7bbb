"""`bench` as people call it, and that its file is what a report reads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.device.bench_file import Bench, picture_digest, read_bench
from edge.device.files import sha256_of
from edge.device.golden import read_golden
from pipeline.report.agreement.devices import _against_golden


def bench(artifact: Path, *arguments: object, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge.device", "bench", "--bundle", str(artifact), "--runs", "50"]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, timeout=120, cwd=cwd)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def check(told: Bench, artifact: Path) -> None:
    golden = read_golden(artifact)
    assert told.sha256 == sha256_of(artifact / "model.tflite")
    assert 0 < told.latency_ms.p50 <= told.latency_ms.p90 <= told.latency_ms.p99 < 1000
    assert 0 < told.load_ms < 60_000
    assert 20 * 2**20 < told.peak_bytes < 2**28
    assert told.versions["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}")
    assert told.golden.labels == tuple(golden.outputs.argmax(axis=1).tolist())
    flips, wrong, difference = _against_golden(told.golden, golden)
    assert (flips, wrong) == (0, ())
    assert difference is not None and difference <= golden.tolerance


def test_bench_writes_a_file_that_the_report_reads(artifact: Path, tmp_path: Path) -> None:
    done = bench(artifact, "--device", "kitchen pi", cwd=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kitchen_pi-cpu-litert.json"]
    told = read_bench(tmp_path / "kitchen_pi-cpu-litert.json")
    check(told, artifact)
    assert (told.device, told.runtime, told.blind_test) == ("kitchen pi", "litert", None)
    assert f"p50 {told.latency_ms.p50:g} ms" in done.stdout


def test_bench_takes_the_board_that_the_device_is(artifact: Path, tmp_path: Path) -> None:
    body = {"format": 1, "id": "0", "target": "cpu", "board": "raspberry-pi-5"}
    (tmp_path / "device.json").write_text(json.dumps(body))
    bench(artifact, "--root", tmp_path, "--output", "told.json", cwd=tmp_path)
    assert read_bench(tmp_path / "told.json").board == "raspberry-pi-5"


def test_bench_answers_pictures_by_their_digests(artifact: Path, tmp_path: Path) -> None:
    golden = read_golden(artifact)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for at in (2, 0, 1):
        Image.fromarray(golden.inputs[at].squeeze()).save(folder / f"{at}.png")
    Image.fromarray(golden.inputs[0].squeeze()).save(folder / "copy.png")
    (folder / "broken.png").write_bytes(b"no picture")
    done = bench(artifact, "--pictures", "pictures", "--output", "told.json", cwd=tmp_path)
    assert "pictures/broken.png: not a picture" in done.stderr
    blind = read_bench(tmp_path / "told.json").blind_test
    assert blind is not None
    assert blind.pictures == tuple(picture_digest(golden.inputs[at].tobytes()) for at in range(3))
    assert blind.labels == tuple(golden.outputs[:3].argmax(axis=1).tolist())
    assert blind.logits is not None and len(blind.logits) == 3


def test_bench_answers_the_pictures_of_a_run(artifact: Path, tmp_path: Path) -> None:
    golden = read_golden(artifact)
    np.save(tmp_path / "images.npy", golden.inputs)
    bench(artifact, "--pictures", "images.npy", "--output", "told.json", cwd=tmp_path)
    blind = read_bench(tmp_path / "told.json").blind_test
    assert blind is not None and blind.labels == tuple(golden.outputs.argmax(axis=1).tolist())
    np.save(tmp_path / "images.npy", golden.inputs[:, :4])
    done = bench(artifact, "--pictures", "images.npy", cwd=tmp_path, code=2)
    assert "pictures of the model's size" in done.stderr


@pytest.mark.parametrize("arguments", [("--runs", "0"), ("--pictures", "."), ("--output", "no/such/folder.json")])
def test_bench_that_cannot_be_written_leaves_no_file(
    artifact: Path, arguments: tuple[str, str], tmp_path: Path
) -> None:
    bench(artifact, *arguments, cwd=tmp_path, code=2)
    assert list(tmp_path.iterdir()) == []
