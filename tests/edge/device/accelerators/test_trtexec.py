"""The command lines of trtexec, held as text against what each version documents."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.device.accelerators.trtexec import trtexec_command, version_of

# What the flags below were held against: samples/common/sampleOptions.cpp of TensorRT's repository by release, and
# docs.nvidia.com/deeplearning/tensorrt: "Migrating trtexec Usage from TensorRT 8.x to 10.x", "... from 10.x to 11.x".
REMOVED = {
    (8, 6): ("--buildOnly", "--workspace", "--stronglyTyped", "--best"),
    (10, 3): ("--buildOnly", "--workspace", "--explicitBatch", "--int8", "--fp16", "--best", "--calib"),
    (11, 0): ("--buildOnly", "--workspace", "--explicitBatch", "--int8", "--fp16", "--best", "--calib",
              "--stronglyTyped"),
}  # fmt: skip


def command(version: tuple[int, ...], *, quantized: bool = True, half: bool = False, **more: object) -> str:
    files = {"onnx": "model.onnx", "engine": "m.engine", "cache": "t.cache"}
    return " ".join(trtexec_command("trtexec", version, **files, quantized=quantized, half=half, **more))


BEGIN = "trtexec --onnx=model.onnx --saveEngine=m.engine --timingCacheFile=t.cache"


@pytest.mark.parametrize(
    ("version", "rest"),
    [
        ((8, 2, 1), "--int8 --workspace=256 --buildOnly"),
        ((8, 5, 2), "--int8 --memPoolSize=workspace:256 --buildOnly"),
        ((8, 6, 2), "--int8 --memPoolSize=workspace:256 --skipInference"),
        ((10, 3, 0), "--stronglyTyped --memPoolSize=workspace:256 --skipInference"),
        ((10, 13, 3), "--stronglyTyped --memPoolSize=workspace:256 --skipInference"),
        ((11, 0, 0), "--memPoolSize=workspace:256 --skipInference"),
    ],
)
def test_command_of_a_quantized_file_is_that_of_its_version(version: tuple[int, ...], rest: str) -> None:
    assert command(version) == f"{BEGIN} {rest}"


@pytest.mark.parametrize(("version", "flag"), [((8, 6, 2), "--fp16"), ((10, 3, 0), "--stronglyTyped"), ((11, 0), "")])
def test_command_of_a_float16_file_names_it_only_where_types_are_weak(version: tuple[int, ...], flag: str) -> None:
    rest = " ".join(filter(None, [flag, "--memPoolSize=workspace:256", "--skipInference"]))
    assert command(version, quantized=False, half=True) == f"{BEGIN} {rest}"


@pytest.mark.parametrize("version", REMOVED)
def test_command_has_no_flag_that_its_version_dropped_or_would_lower_precision(version: tuple[int, ...]) -> None:
    flags = {word.split("=")[0] for word in command(version).split()}
    assert not flags & set(REMOVED[version])


def test_command_for_a_dla_core_lets_the_gpu_take_the_rest() -> None:
    said = command((10, 3, 0), quantized=False, dla=True, shapes=["--minShapes=image:1x3x8x8"])
    assert said.endswith(
        "--fp16 --memPoolSize=workspace:256 --useDLACore=0 --allowGPUFallback --minShapes=image:1x3x8x8 --skipInference"
    )


@given(st.integers(8, 12), st.integers(0, 20), st.integers(0, 9))
def test_every_word_after_the_program_is_a_flag(major: int, minor: int, patch: int) -> None:
    assert all(re.fullmatch(r"--\w+(=\S+)?", word) for word in command((major, minor, patch)).split()[1:])


@pytest.mark.parametrize(
    ("number", "version"),
    [(8201, (8, 2, 1)), (8602, (8, 6, 2)), (100300, (10, 3, 0)), (101303, (10, 13, 3)), (110000, (11, 0, 0))],
)
def test_number_of_the_banner_is_read_in_both_its_forms(number: int, version: tuple[int, int, int]) -> None:
    assert version_of(number) == version
