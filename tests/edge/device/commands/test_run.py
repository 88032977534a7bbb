"""`run` as people call it: pictures in, a JSON object a line out."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edge.device.contract import read_contract
from edge.device.golden import Golden, read_golden

LABELS = ("cat", "dog", "owl")


def command(artifact: Path, *arguments: object) -> list[str]:
    return [sys.executable, "-m", "edge.device", "run", "--bundle", str(artifact), *map(str, arguments)]


def run(artifact: Path, *arguments: object, cwd: Path, **options: Any) -> tuple[int, list[dict[str, Any]], list[str]]:
    """Exit code, lines, and what stood on standard error."""
    done = subprocess.run(command(artifact, *arguments), capture_output=True, timeout=60, cwd=cwd, **options)
    assert b"Traceback" not in done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode().splitlines()


def expected(golden: Golden, at: int) -> str:
    return LABELS[golden.outputs[at].argmax()]


@pytest.fixture(scope="session")
def golden(artifact: Path) -> Golden:
    return read_golden(artifact)


@pytest.fixture
def pictures(golden: Golden, tmp_path: Path) -> Path:
    """A folder with golden pictures 0 to 2, a file that is none, and files that nobody would take for one."""
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    for at, name in enumerate(("b.png", "c.PNG", "more/a.png")):
        Image.fromarray(golden.inputs[at].squeeze()).save(folder / name)
    (folder / "a.jpg").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("none")
    (folder / ".hidden.png").write_bytes(b"none")
    return folder


@pytest.mark.usefixtures("pictures")
def test_folder_is_answered_in_order_and_what_is_no_picture_named(
    artifact: Path, golden: Golden, tmp_path: Path
) -> None:
    code, lines, said = run(artifact, "pictures", "missing.png", "--top", 3, cwd=tmp_path)
    assert code == 2
    assert [line["source"] for line in lines] == [
        "pictures/a.jpg",
        "pictures/b.png",
        "pictures/c.PNG",
        "pictures/more/a.png",
        "missing.png",
    ]
    assert "not a picture" in lines[0]["error"]
    assert lines[4] == {"source": "missing.png", "error": "No such file or directory"}
    scores = read_contract(artifact).output.scores(golden.outputs)
    for at, line in enumerate(lines[1:4]):
        assert (line["label"], line["confidence"]) == (expected(golden, at), line["scores"][0]["score"])
        assert {each["label"]: each["score"] for each in line["scores"]} == pytest.approx(
            dict(zip(LABELS, scores[at].tolist(), strict=True)), abs=0.02
        )
        assert line["latency_ms"].keys() == {"decode", "resize", "infer", "total"}
    assert "tiny 1.0.0 in litert (model.tflite)" in said


def test_good_pictures_alone_end_with_0(artifact: Path, pictures: Path, tmp_path: Path) -> None:
    (pictures / "a.jpg").unlink()
    code, lines, _ = run(artifact, pictures, "--frames", 2, cwd=tmp_path)
    assert (code, len(lines)) == (0, 2)


def test_frames_of_stdin_are_answered_at_once(artifact: Path, golden: Golden, tmp_path: Path) -> None:
    with subprocess.Popen(
        command(artifact, "-"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=tmp_path
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        for at in range(3):
            process.stdin.write(golden.inputs[at].tobytes())
            process.stdin.flush()
            line = json.loads(process.stdout.readline())  # while the next frame is not there yet
            assert (line["source"], line["label"]) == (f"stdin:{at}", expected(golden, at))
        process.stdin.write(b"rest")
        process.stdin.close()
        assert json.loads(process.stdout.readline()) == {
            "source": "stdin:3",
            "error": "4 bytes are left, a frame of 8 x 8 x 1 has 64",
        }
        assert process.wait(30) == 2


def test_raw_files_hold_frames(artifact: Path, golden: Golden, tmp_path: Path) -> None:
    (tmp_path / "frames.raw").write_bytes(golden.inputs[:4].tobytes())
    code, lines, _ = run(artifact, tmp_path, "--raw", cwd=tmp_path)
    assert code == 0
    assert [line["label"] for line in lines] == [expected(golden, at) for at in range(4)]
    assert lines[3]["source"] == f"{tmp_path}/frames.raw:3"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "expected pictures, or --camera"),
        (("x.png", "--camera", "/dev/video0"), "expected pictures, or --camera"),
        (("x.png", "--top", "4"), "--top 4: expected 1 to 3"),
        (("x.png", "--top", "0"), "--top 0: expected 1 to 3"),
        (("x.png", "--runtime", "onnxruntime"), "onnxruntime"),
    ],
)
def test_mistaken_options_are_told(artifact: Path, arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    code, lines, said = run(artifact, *arguments, cwd=tmp_path)
    assert (code, lines) == (2, [])
    assert message in said[-1]


def test_closed_pipe_ends_quietly(artifact: Path, golden: Golden, tmp_path: Path) -> None:
    (tmp_path / "frames.raw").write_bytes(golden.inputs.tobytes() * 200)
    with subprocess.Popen(
        command(artifact, "frames.raw", "--raw"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 0
        assert b"Broken" not in (said := process.stderr.read()) and b"Traceback" not in said


def test_interrupt_ends_cleanly_and_keeps_telemetry(artifact: Path, golden: Golden, tmp_path: Path) -> None:
    environment = {**os.environ, "EDGEWISE_ROOT": str(tmp_path / "root")}
    with subprocess.Popen(
        command(artifact, "-", "--telemetry"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment,
    ) as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        process.stdin.write(golden.inputs[0].tobytes())
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert b"Traceback" not in process.stderr.read()
    (day,) = json.loads((tmp_path / "root" / "telemetry" / "tiny-1.0.0.json").read_text())["days"].values()
    assert day["labels"] == {expected(golden, 0): 1}


CAMERA = """
import numpy as np
CAP_V4L2, CAP_ANY, CAP_PROP_BUFFERSIZE = 200, 0, 38

class VideoCapture:
    def __init__(self, name, backend):
        assert backend == CAP_V4L2
        self._frames = iter(np.load("seen.npy")) if name == "/dev/video0" else None
    def isOpened(self): return self._frames is not None
    def set(self, *_): return True
    def read(self):
        frame = next(self._frames, None)
        return frame is not None, frame
    def release(self): open("released", "w")
"""


def test_camera_frames_are_turned_to_the_contracts_colour(artifact: Path, golden: Golden, tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text(CAMERA)  # OpenCV's interface, as there is no camera here
    np.save(tmp_path / "seen.npy", golden.inputs[:3].repeat(3, axis=3))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))}
    code, lines, _ = run(artifact, "--camera", "/dev/video0", "--frames", 3, cwd=tmp_path, env=environment)
    assert code == 0
    assert [(line["source"], line["label"]) for line in lines] == [
        (f"/dev/video0:{at}", expected(golden, at)) for at in range(3)
    ]
    assert (tmp_path / "released").exists()
    code, lines, said = run(artifact, "--camera", "/dev/video0", cwd=tmp_path, env=environment)
    assert (code, len(lines)) == (2, 3)
    assert "gives no frame after 3" in said[-1]
    code, _, said = run(artifact, "--camera", "/dev/video1", cwd=tmp_path, env=environment)
    assert (code, "cannot be opened" in said[-1]) == (2, True)


def test_camera_without_opencv_names_the_package(artifact: Path, tmp_path: Path) -> None:
    code, _, said = run(artifact, "--camera", "/dev/video0", cwd=tmp_path)
    assert (code, "python3-opencv" in said[-1]) == (2, True)


def test_artefact_that_answers_otherwise_is_not_run(artifact: Path, pictures: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(artifact, tmp_path / "artifact")
    with np.load(broken / "golden.npz") as arrays:
        content = dict(arrays)
    content["outputs"][3] += 9
    np.savez_compressed(broken / "golden.npz", **content)
    code, lines, said = run(broken, pictures, cwd=tmp_path)
    assert code != 0
    assert (lines, "golden vector" in said[-1]) == ([], True)
