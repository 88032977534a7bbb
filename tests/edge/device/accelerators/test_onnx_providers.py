"""ONNX Runtime with a GPU's provider, where there is none: it must not pass for one."""

from dataclasses import replace
from pathlib import Path

import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from edge.device.accelerators import ACCELERATORS
from edge.device.accelerators.onnx_providers import cache_name, tensorrt_options
from edge.device.contract import read_contract
from edge.device.errors import Unavailable

NAMES = ("onnxruntime-tensorrt", "onnxruntime-cuda")


@pytest.mark.parametrize("name", NAMES)
def test_onnx_runtime_without_the_provider_says_which_it_has(name: str) -> None:
    with pytest.raises(Unavailable, match=r"has no \w+ExecutionProvider \(it has .*CPUExecutionProvider"):
        ACCELERATORS[name].check()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_session_that_falls_back_to_the_cpu_is_no_gpu(artifact: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / "model.onnx"
    given = helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 3])
    wanted = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])
    node = helper.make_node("Cast", ["image"], ["logits"], to=TensorProto.FLOAT)
    graph = helper.make_graph([node], "cast", [given], [wanted])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), file)
    with pytest.raises(Unavailable, match=r"could not start \w+ExecutionProvider and would have used CPUExecution"):
        ACCELERATORS[name].open(file, read_contract(artifact), 1, tmp_path)


def test_options_keep_the_engine_and_its_timings_for_one_picture(artifact: Path, tmp_path: Path) -> None:
    contract = read_contract(artifact)
    options = tensorrt_options(contract, tmp_path)
    assert options["trt_engine_cache_path"] == options["trt_timing_cache_path"] == str(tmp_path)
    assert options["trt_profile_max_shapes"] == "image:1x8x8x1"
    assert (options["trt_int8_enable"], options.get("trt_fp16_enable")) == ("1", None)
    half = tensorrt_options(replace(contract, precision="float16"), tmp_path)
    assert (half.get("trt_int8_enable"), half["trt_fp16_enable"]) == (None, "1")


def test_engines_of_the_provider_are_kept_by_file_and_release(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"a")
    (tmp_path / "b.onnx").write_bytes(b"b")
    first, second = cache_name(tmp_path / "a.onnx"), cache_name(tmp_path / "b.onnx")
    assert first != second
    assert first.split(".ort")[1].startswith(onnxruntime.__version__)
