"""Which runtime a model gets on this device, and what is said of those that it does not get."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.device.contract import Contract, Input, ModelFile, Output, read_contract, write_contract
from edge.device.errors import BadArtifact, ProofFailed, Unavailable
from edge.device.golden import Golden, read_golden
from edge.device.loading import ACCELERATOR_TOLERANCE, check_accelerated, choices, load

MakeArtifact = Callable[..., Path]

CONTRACT = Contract(
    name="toy",
    target="cpu",
    precision="int8-qat",
    input=Input(shape=(1, 8, 8, 1), colour="GREY", resize="stretch", scale=1 / 128, zero_point=128),
    output=Output(dtype="float32", shape=(1, 3), scale=1.0, zero_point=0, labels=("cat", "dog", "owl")),
    files=(
        ModelFile(file="model.tflite", sha256="a" * 64, runtimes=("litert-reference", "litert")),
        ModelFile(file="model.fast.onnx", sha256="b" * 64, runtimes=("onnxruntime", "openvino")),
        ModelFile(file="model.onnx", sha256="c" * 64, runtimes=("onnxruntime",)),
    ),
    fastest="openvino",
)


def order(contract: Contract) -> list[tuple[str, str]]:
    return [(choice.runtime, choice.file) for choice in choices(contract)]


def test_fastest_of_the_host_comes_first_and_the_reference_last() -> None:
    assert order(CONTRACT) == [
        ("openvino", "model.fast.onnx"),
        ("litert", "model.tflite"),
        ("onnxruntime", "model.fast.onnx"),
        ("litert-reference", "model.tflite"),
    ]


def test_reference_comes_first_where_it_was_the_fastest() -> None:
    assert order(replace(CONTRACT, fastest="litert-reference"))[0] == ("litert-reference", "model.tflite")


def test_coral_prefers_the_edge_tpu_with_the_compiled_file() -> None:
    assert order(replace(CONTRACT, target="coral"))[:2] == [
        ("litert-edgetpu", "model_edgetpu.tflite"),
        ("openvino", "model.fast.onnx"),
    ]


def test_jetson_prefers_tensorrt_in_every_way_before_the_cpu() -> None:
    model = ModelFile(file="model.onnx", sha256="c" * 64, runtimes=("onnxruntime",))
    assert order(replace(CONTRACT, target="jetson", files=(model,), fastest="onnxruntime")) == [
        ("tensorrt", "model.onnx"),
        ("onnxruntime-tensorrt", "model.onnx"),
        ("onnxruntime-cuda", "model.onnx"),
        ("onnxruntime", "model.onnx"),
    ]


def test_model_is_loaded_in_the_fastest_runtime(artifact: Path) -> None:
    loaded = load(artifact)
    assert (loaded.runtime, loaded.file, loaded.fallback) == ("litert", "model.tflite", ())
    assert loaded.sha256 == loaded.contract.files[0].sha256
    assert loaded.versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"ai_edge_litert", "numpy"} <= loaded.versions.keys()
    assert loaded.executor.run(loaded.golden.inputs[:2]).shape == (2, 3)


def test_runtime_of_the_jetson_is_the_cpu_here_and_every_reason_is_said(
    make_artifact: MakeArtifact, tmp_path: Path
) -> None:
    folder = make_artifact(tmp_path / "jetson", target="jetson")
    loaded = load(folder)
    assert loaded.runtime == "litert"  # the tiny artefact has no ONNX file
    assert [said.split(":")[0] for said in loaded.fallback] == ["tensorrt", "onnxruntime-tensorrt", "onnxruntime-cuda"]


def test_runtime_that_is_missing_is_passed_over_and_said(
    make_artifact: MakeArtifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_artifact(tmp_path / "artifact")
    contract = read_contract(folder)
    other = replace(contract.files[0], runtimes=("openvino",))
    write_contract(folder, replace(contract, files=(*contract.files, other), fastest="openvino"))
    monkeypatch.setitem(sys.modules, "openvino", None)
    loaded = load(folder)
    assert loaded.runtime == "litert"
    assert loaded.fallback == ("openvino: the package openvino is missing; pip install openvino",)


def test_runtime_whose_file_was_altered_is_passed_over_and_said(make_artifact: MakeArtifact, tmp_path: Path) -> None:
    folder = make_artifact(tmp_path / "artifact")
    shutil.copyfile(folder / "model.tflite", folder / "other.tflite")
    contract = read_contract(folder)
    files = (
        replace(contract.files[0], runtimes=("litert",), sha256="0" * 64),
        replace(contract.files[0], file="other.tflite", runtimes=("litert-reference",)),
    )
    write_contract(folder, replace(contract, files=files))
    loaded = load(folder)
    assert (loaded.runtime, loaded.file) == ("litert-reference", "other.tflite")
    assert "not the file that was proven" in loaded.fallback[0]


def test_model_that_answers_otherwise_everywhere_is_refused(make_artifact: MakeArtifact, tmp_path: Path) -> None:
    folder = make_artifact(tmp_path / "artifact", broken=True)
    with pytest.raises(ProofFailed, match="no runtime answers as it was proven to: litert: golden vector") as caught:
        load(folder)
    assert caught.value.exit_code == 3
    assert "litert-reference: golden vector" in str(caught.value)


def test_runtime_that_is_asked_for_is_the_only_one_tried(artifact: Path) -> None:
    assert load(artifact, "litert-reference").runtime == "litert-reference"
    with pytest.raises(BadArtifact, match="runtime 'tensorrt': unknown for this cpu model; name one of litert, "):
        load(artifact, "tensorrt")


def test_folder_without_its_model_is_refused(make_artifact: MakeArtifact, tmp_path: Path) -> None:
    folder = make_artifact(tmp_path / "artifact")
    (folder / "model.tflite").unlink()
    with pytest.raises(Unavailable, match=r"model\.tflite: not there"):
        load(folder)


def test_contract_that_is_no_contract_is_refused(make_artifact: MakeArtifact, tmp_path: Path) -> None:
    folder = make_artifact(tmp_path / "artifact")
    (folder / "contract.json").write_text(json.dumps({"format": 1}))
    with pytest.raises(BadArtifact, match=r"contract\.json"):
        load(folder)


def test_onnx_runtime_is_not_loaded_for_a_model_that_needs_none(artifact: Path) -> None:
    """Its import takes longer than all the rest, and megabytes of a small board's memory."""
    program = (
        "import sys; from pathlib import Path; from edge.device.loading import load\n"
        "load(Path(sys.argv[1])); print('onnxruntime' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", program, artifact], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


Answers = NDArray[np.float32]


def check(outputs: Answers, answers: Answers) -> None:
    golden = Golden(inputs=np.zeros((len(outputs), 1, 1, 1), np.uint8), outputs=outputs, tolerance=0.0)
    check_accelerated(golden, lambda _: answers, "tpu")


@st.composite
def logits(draw: st.DrawFn) -> Answers:
    seed = draw(st.integers(0, 2**32 - 1))
    return np.random.default_rng(seed).normal(0, draw(st.floats(0.1, 50)), (16, 4)).astype(np.float32)


@given(logits(), st.integers(0, 2**32 - 1))
def test_accelerator_within_the_tolerance_is_taken_unless_a_clear_label_flips(outputs: Answers, seed: int) -> None:
    allowed = ACCELERATOR_TOLERANCE * np.abs(outputs).max()
    noise = np.random.default_rng(seed).uniform(-0.49, 0.49, outputs.shape).astype(np.float32) * allowed
    check(outputs, outputs)
    check(outputs, outputs + noise)  # less than half of it to either side: no clear label can flip


@given(logits(), st.integers(0, 15), st.integers(0, 3), st.sampled_from([-1, 1]))
def test_accelerator_beyond_the_tolerance_is_refused_by_its_vector(
    outputs: Answers, vector: int, label: int, sign: int
) -> None:
    answers = outputs.copy()
    answers[vector, label] += sign * 1.01 * ACCELERATOR_TOLERANCE * np.abs(outputs).max()
    with pytest.raises(ProofFailed, match=f"tpu: golden vector {vector} differs by"):
        check(outputs, answers)


def test_accelerator_that_flips_a_clear_label_is_refused_and_a_close_one_is_not() -> None:
    clear = np.array([[10.0, 9.4, 0.0]], np.float32)
    with pytest.raises(ProofFailed, match="golden vector 0 gets another label"):
        check(clear, np.array([[9.6, 9.7, 0.0]], np.float32))
    close = np.array([[10.0, 9.6, 0.0]], np.float32)
    check(close, np.array([[9.7, 9.8, 0.0]], np.float32))


def test_accelerator_that_answers_no_numbers_is_refused(artifact: Path) -> None:
    golden = read_golden(artifact)
    with pytest.raises(ProofFailed, match="differs by nan"):
        check_accelerated(golden, lambda _: np.full_like(golden.outputs, np.nan), "tpu")
    with pytest.raises(ProofFailed, match="answers of shape"):
        check_accelerated(golden, lambda _: golden.outputs[:, :2], "tpu")
