"""An engine run through TensorRT's Python API. Both stand-ins here are for NVIDIA's own, which need their GPU: a module
tensorrt with the calls that the runner makes, and a libcudart, compiled, whose device memory is the host's."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.device.accelerators import cuda, tensorrt
from edge.device.accelerators.engine import key_of
from edge.device.contract import Contract, read_contract
from edge.device.errors import Unavailable

_CUDART = """
#include <stdlib.h>
#include <string.h>
static int stream;
int cudaStreamCreate(void **made) { *made = &stream; return 0; }
int cudaMalloc(void **made, size_t size) { *made = size > 1 << 20 ? 0 : malloc(size); return *made ? 0 : 2; }
int cudaMemcpyAsync(void *to, const void *from, size_t size, int kind, void *on) {
    if (on != &stream || (kind != 1 && kind != 2)) return 1;
    memcpy(to, from, size); return 0;
}
int cudaStreamSynchronize(void *on) { return on == &stream ? 0 : 1; }
const char *cudaGetErrorString(int status) { return status == 2 ? "out of memory" : "invalid argument"; }
"""
_MODULE = '''
"""Engines are texts here: "sum" gives the sums of each third of a picture, "stops" refuses to run."""
import ctypes, enum
import numpy as np

__version__ = "10.3.0"


class TensorIOMode(enum.Enum):
    INPUT = 1
    OUTPUT = 2


class Logger:
    WARNING = 2

    def __init__(self, severity):
        pass


class DataType(enum.Enum):
    UINT8 = 1
    FLOAT = 2
    INT64 = 3


class Runtime:
    def __init__(self, logger):
        pass

    def deserialize_cuda_engine(self, content):
        return None if content == b"damaged" else Engine(content.decode())


class Engine:
    num_io_tensors = 2

    def __init__(self, text):
        self.text = text

    def create_execution_context(self):
        return Context(self.text)

    def get_tensor_name(self, index):
        return ["image", "logits"][index]

    def get_tensor_mode(self, name):
        return TensorIOMode.INPUT if name == "image" else TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name):
        if name == "image":
            return DataType.UINT8
        return DataType.INT64 if self.text == "codes" else DataType.FLOAT


class Context:
    def __init__(self, text):
        self.text, self.shape, self.addresses = text, None, {}

    def set_input_shape(self, name, shape):
        self.shape = tuple(shape)
        return self.text != "small"

    def get_tensor_shape(self, name):
        return self.shape if name == "image" else (self.shape[0], 3)

    def set_tensor_address(self, name, address):
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream):
        if self.text == "stops" or not stream:
            return False
        size = int(np.prod(self.shape))
        given = (ctypes.c_uint8 * size).from_address(self.addresses["image"])
        wanted = (ctypes.c_float * 3).from_address(self.addresses["logits"])
        wanted[:] = [float(part.sum()) for part in np.array_split(np.frombuffer(given, np.uint8), 3)]
        return True
'''


@pytest.fixture
def contract(artifact: Path) -> Contract:
    contract = read_contract(artifact)
    return replace(contract, input=replace(contract.input, shape=(1, 3, 8, 6), layout="NCHW"))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ONNX file, and the stand-ins in their places."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "tensorrt_standin.py").write_text(_MODULE)
    (tmp_path / "cudart.c").write_text(_CUDART)
    library = tmp_path / "libcudart.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, tmp_path / "cudart.c"], check=True)
    monkeypatch.syspath_prepend(tmp_path / "modules")
    monkeypatch.setattr(tensorrt, "MODULE", "tensorrt_standin")
    monkeypatch.setattr(cuda, "LIBRARIES", ("libcudart.so.999", str(library)))
    (tmp_path / "model.onnx").write_bytes(b"model")
    return tmp_path / "model.onnx"


def place(file: Path, text: str, version: str = "10.3.0") -> Path:
    """Lay an engine down as one that was built before; returns the folder of engines."""
    engines = file.parent / "engines"
    engines.mkdir(exist_ok=True)
    (engines / key_of(file, version).engine).write_text(text)
    return engines


def test_engine_answers_every_picture_of_a_batch_in_its_layout(file: Path, contract: Contract) -> None:
    tensorrt.check()
    runtime = tensorrt.open_tensorrt(file, contract, 1, place(file, "sum"))
    batch = np.random.default_rng(0).integers(0, 256, (5, 8, 6, 3), np.uint8)
    np.testing.assert_array_equal(runtime.run(batch), batch.sum(axis=(1, 2)).astype(np.float32))
    assert runtime.run(batch[:0]).shape == (0, 3)


def test_picture_of_another_size_is_refused(file: Path, contract: Contract) -> None:
    runtime = tensorrt.open_tensorrt(file, contract, 1, place(file, "sum"))
    with pytest.raises(ValueError, match=r"pictures of \(3, 6, 8\), the engine takes \(3, 8, 6\)"):
        runtime.run(np.zeros((1, 6, 8, 3), np.uint8))


@pytest.mark.parametrize(
    ("text", "words"),
    [("small", "takes no input of"), ("codes", "logits is of INT64"), ("damaged", "does not load it; it was removed")],
)
def test_engine_that_cannot_run_the_model_is_refused(file: Path, contract: Contract, text: str, words: str) -> None:
    engines = place(file, text)
    with pytest.raises(Unavailable, match=words):
        tensorrt.open_tensorrt(file, contract, 1, engines)
    assert bool(list(engines.glob("*.engine"))) == (text != "damaged")


def test_engine_that_stops_is_said(file: Path, contract: Contract) -> None:
    runtime = tensorrt.open_tensorrt(file, contract, 1, place(file, "stops"))
    with pytest.raises(Unavailable, match="TensorRT did not run the engine"):
        runtime.run(np.zeros((1, 8, 6, 3), np.uint8))


def test_gpu_without_memory_is_said_in_cudas_words(file: Path, contract: Contract) -> None:
    large = replace(contract, input=replace(contract.input, shape=(1, 3, 800, 600)))
    with pytest.raises(Unavailable, match=r"cudaMalloc: CUDA says out of memory \(2\)"):
        tensorrt.open_tensorrt(file, large, 1, place(file, "sum"))


def test_engine_of_the_tensorrt_before_an_upgrade_is_not_loaded_and_goes_once_the_new_one_answers(
    file: Path, contract: Contract
) -> None:
    engines = place(file, "sum", "8.6.2")
    with pytest.raises(Unavailable, match=r"no engine of model\.onnx"):  # nothing here can build one
        tensorrt.open_tensorrt(file, contract, 1, engines)
    tensorrt.open_tensorrt(file, contract, 1, place(file, "sum"))
    tensorrt.keep(file, engines)
    assert [path.name for path in engines.iterdir()] == [key_of(file, "10.3.0").engine]


def test_missing_module_and_library_are_said(file: Path, contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    engines = place(file, "sum")
    monkeypatch.setattr(cuda, "LIBRARIES", ("libcudart.so.999",))
    with pytest.raises(Unavailable, match=r"libcudart\.so\.999.* cannot be loaded"):
        tensorrt.open_tensorrt(file, contract, 1, engines)
    monkeypatch.setattr(tensorrt, "MODULE", "tensorrt_of_nowhere")
    with pytest.raises(Unavailable, match="the module tensorrt_of_nowhere is missing"):
        tensorrt.check()
