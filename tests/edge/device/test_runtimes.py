import sys

import numpy as np
import pytest

from edge.device.errors import BadArtifact, Unavailable
from edge.device.runtimes import RUNTIMES, open_runtime

FILE_OF = {
    "litert-reference": "model.tflite",
    "litert": "model.tflite",
    "onnxruntime": "model.onnx",
    "openvino": "model.onnx",
}
PACKAGE_OF = {
    "litert-reference": "ai_edge_litert.interpreter",
    "litert": "ai_edge_litert.interpreter",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
}


@pytest.mark.parametrize("name", RUNTIMES)
def test_run_of_a_batch_equals_its_pictures_one_by_one(name, cpu_folder, pictures_of):
    runtime = open_runtime(name, cpu_folder("cnn", "int8-ptq") / FILE_OF[name])
    pictures = pictures_of("cnn", 70)  # more than a chunk
    batch = runtime.run(pictures)
    assert (batch.shape, batch.dtype) == ((70, 10), np.float32)
    np.testing.assert_array_equal(batch, np.concatenate([runtime.run(picture[np.newaxis]) for picture in pictures]))


@pytest.mark.parametrize("name", RUNTIMES)
@pytest.mark.parametrize("network", ["cnn", "resnet8"])
def test_run_of_the_float_network_agrees_in_every_runtime(name, network, cpu_folder, pictures_of):
    folder, pictures = cpu_folder(network, "float32"), pictures_of(network, 20)
    expected = open_runtime("litert-reference", folder / "model.tflite").run(pictures)
    np.testing.assert_allclose(
        open_runtime(name, folder / FILE_OF[name]).run(pictures), expected, atol=1e-4 * np.abs(expected).max()
    )


@pytest.mark.parametrize("name", RUNTIMES)
@pytest.mark.parametrize("content", [b"", b"no model", b"\x1c\0\0\0TFL3", b"\x1c\0\0\0TFL3" + b"\xff" * 400])
def test_open_runtime_of_a_broken_file_is_refused(name, content, tmp_path):
    file = tmp_path / FILE_OF[name]
    file.write_bytes(content)
    with pytest.raises(BadArtifact, match=file.name):
        open_runtime(name, file)


@pytest.mark.parametrize("name", RUNTIMES)
def test_open_runtime_of_a_truncated_file_is_refused(name, cpu_folder, tmp_path):
    content = (cpu_folder("cnn", "int8-ptq") / FILE_OF[name]).read_bytes()
    file = tmp_path / FILE_OF[name]
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(BadArtifact, match=file.name):
        open_runtime(name, file)


def test_open_runtime_of_a_missing_file_says_so(tmp_path):
    with pytest.raises(BadArtifact, match="not there"):
        open_runtime("litert", tmp_path / "model.tflite")


def test_open_runtime_of_an_unknown_name_lists_those_it_knows(tmp_path):
    with pytest.raises(BadArtifact, match="litert-reference, litert, onnxruntime, openvino"):
        open_runtime("tensorrt", tmp_path / "model.onnx")


@pytest.mark.parametrize("name", RUNTIMES)
def test_open_runtime_without_its_package_names_the_command(name, cpu_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, PACKAGE_OF[name], None)
    with pytest.raises(Unavailable, match="pip install"):
        open_runtime(name, cpu_folder("cnn", "int8-ptq") / FILE_OF[name])
