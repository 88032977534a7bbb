"""The program that builds the engine on the device, run as it is there; and what DEVICE.md says of it."""

import ast
import shutil
import subprocess
import sys

import onnx
import pytest

from edge.boards import boards_of, find_board
from edge.targets.jetson.instructions import BUILDER, device_page, trtexec


def run(*arguments):
    command = [sys.executable, str(BUILDER), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_help_names_the_options():
    done = run("--help")
    assert done.returncode == 0
    assert "--max-batch" in done.stdout


def test_source_is_python_3_6():
    ast.parse(BUILDER.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_a_missing_onnx_file_is_one_sentence(tmp_path):
    done = run("--onnx", tmp_path / "absent.onnx")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "absent.onnx: not there" in done.stderr


def test_an_absent_tensorrt_is_one_sentence(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"")
    done = run("--onnx", tmp_path / "model.onnx", "--module", "tensorrt_of_nowhere")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "cannot be imported" in done.stderr


def test_tensorrt_rtx_builds_an_engine_without_a_gpu(jetson_folder, tmp_path):
    pytest.importorskip("tensorrt_rtx", reason="needs NVIDIA's wheels: pip install tensorrt-rtx")
    shutil.copyfile(jetson_folder("cnn", "int8-qat") / "model.onnx", tmp_path / "model.onnx")
    done = run("--onnx", tmp_path / "model.onnx", "--module", "tensorrt_rtx", "--max-batch", 4)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("model.trt*.engine"))) == 1


def test_each_board_has_its_command(jetson_folder):
    model = onnx.load(jetson_folder("cnn", "int8-qat") / "model.onnx")
    page = device_page(model, "model.onnx", list(boards_of("jetson").values()))
    for board in boards_of("jetson").values():
        assert f"## {board.title}" in page
    old = trtexec(find_board("jetson", "xavier-nx"), model, "model.onnx")
    new = trtexec(find_board("jetson", "agx-orin"), model, "model.onnx")
    assert "--int8" in old
    assert "--stronglyTyped" in new
    assert "--minShapes=image:1x1x28x28" in new
    assert (jetson_folder("cnn", "int8-qat") / "DEVICE.md").read_text(encoding="utf-8") == page
    assert (jetson_folder("cnn", "int8-qat") / "build_engine.py").read_bytes() == BUILDER.read_bytes()
