import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax as scipy_softmax

from edge.device.contract import NAME, Contract, Input, ModelFile, Output, read_contract, softmax, write_contract
from edge.device.errors import BadArtifact

CONTRACT = Contract(
    name="toy",
    target="cpu",
    precision="int8-qat",
    input=Input(shape=(1, 8, 6, 3), colour="RGB", resize="crop", scale=1 / 128, zero_point=128),
    output=Output(dtype="uint8", shape=(1, 2), scale=0.1, zero_point=7, labels=("cat", "dog")),
    files=(
        ModelFile(file="model.tflite", sha256="a" * 64, runtimes=("litert-reference", "litert")),
        ModelFile(file="model.fast.onnx", sha256="b" * 64, runtimes=("onnxruntime",)),
        ModelFile(file="model.onnx", sha256="c" * 64, runtimes=("onnxruntime",)),
    ),
    fastest="litert",
)


def test_contract_comes_back_as_written(tmp_path: Path) -> None:
    write_contract(tmp_path, CONTRACT)
    assert read_contract(tmp_path) == CONTRACT


def test_file_for_a_runtime_is_the_first_that_names_it() -> None:
    assert CONTRACT.file_for("onnxruntime") == "model.fast.onnx"
    with pytest.raises(BadArtifact, match="proven in litert, litert-reference, onnxruntime"):
        CONTRACT.file_for("openvino")


def test_picture_size_is_the_same_in_either_layout() -> None:
    turned = replace(CONTRACT.input, layout="NCHW", shape=(1, 3, 8, 6))
    assert CONTRACT.input.picture == turned.picture == (8, 6, 3)


@pytest.mark.parametrize("damage", ["input", "files", "labels", "format"])
def test_contract_that_lacks_a_field_is_refused(tmp_path: Path, damage: str) -> None:
    write_contract(tmp_path, CONTRACT)
    body = json.loads((tmp_path / NAME).read_text())
    (body["output"] if damage == "labels" else body).pop(damage)
    (tmp_path / NAME).write_text(json.dumps(body))
    with pytest.raises(BadArtifact, match=r"contract\.json"):
        read_contract(tmp_path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("input", []),
        ("input", None),
        ("input.shape", [1, 2]),
        ("input.shape", [1, 0, 8, 3]),
        ("input.shape", ["1", 8, 6, 3]),
        ("input.scale", None),
        ("input.scale", 0),
        ("input.scale", float("nan")),
        ("input.scale", 10**400),
        ("input.zero_point", 1.5),
        ("input.zero_point", True),
        ("input.zero_point", 2**63),
        ("input.resize", "squash"),
        ("input.layout", ["NHWC"]),
        ("input.size", 8),
        ("output", "x"),
        ("output.labels", "cat"),
        ("output.labels", []),
        ("output.labels", [1, 2]),
        ("output.labels", ["cat", "\ud800"]),
        ("output.shape", 2),
        ("output.shape", []),
        ("name", 7),
        ("files", "x"),
        ("files", [{}]),
        ("files", [["model.tflite"]]),
        ("files", []),
        ("fastest", "verilator"),
    ],
)
def test_contract_with_a_field_that_cannot_be_is_refused_by_its_name(tmp_path: Path, field: str, value: object) -> None:
    write_contract(tmp_path, CONTRACT)
    body = json.loads((tmp_path / NAME).read_text())
    *outer, last = field.split(".")
    (body[outer[0]] if outer else body)[last] = value
    (tmp_path / NAME).write_text(json.dumps(body))
    named = "fastest" if value == [] and field == "files" else field
    with pytest.raises(BadArtifact, match=rf"contract\.json: {named.replace('.', '[.]')}\b"):
        read_contract(tmp_path)


def test_contract_with_a_whole_number_for_a_scale_has_it_as_a_float(tmp_path: Path) -> None:
    write_contract(tmp_path, CONTRACT)
    text = (tmp_path / NAME).read_text()
    (tmp_path / NAME).write_text(text.replace('"scale": 0.1', '"scale": 2'))
    scale = read_contract(tmp_path).output.scale
    assert (scale, type(scale)) == (2.0, float)


def test_contract_from_before_temperatures_has_temperature_one(tmp_path: Path) -> None:
    write_contract(tmp_path, CONTRACT)
    body = json.loads((tmp_path / NAME).read_text())
    del body["output"]["temperature"]
    (tmp_path / NAME).write_text(json.dumps(body))
    assert read_contract(tmp_path).output.temperature == 1.0


def test_contract_from_before_versions_has_the_first(tmp_path: Path) -> None:
    write_contract(tmp_path, replace(CONTRACT, version="1.2.0"))
    assert read_contract(tmp_path).version == "1.2.0"
    body = json.loads((tmp_path / NAME).read_text())
    del body["version"]
    (tmp_path / NAME).write_text(json.dumps(body))
    assert read_contract(tmp_path).version == "0.1.0"


@pytest.mark.parametrize("value", ["0", "-1", "1e-30", "1e30", "NaN", "Infinity", "true", '"1"', "null", "[1.5]"])
def test_contract_with_no_temperature_for_a_temperature_is_refused(tmp_path: Path, value: str) -> None:
    write_contract(tmp_path, CONTRACT)
    text = (tmp_path / NAME).read_text()
    (tmp_path / NAME).write_text(text.replace('"temperature": 1.0', f'"temperature": {value}'))
    with pytest.raises(BadArtifact, match=r"contract\.json: output\.temperature: received"):
        read_contract(tmp_path)


@given(arrays(np.float32, (3, 5), elements=st.floats(-50, 50, width=32)), st.floats(0.05, 20))
def test_scores_are_scipys_softmax_of_logits_over_temperature(logits: np.ndarray, temperature: float) -> None:
    scores = replace(CONTRACT.output, temperature=temperature).scores(logits)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, scipy_softmax(logits / temperature, axis=1), rtol=2e-3, atol=1e-30)


def test_scores_at_temperature_one_are_the_softmax_to_the_bit() -> None:
    logits = np.random.default_rng(0).normal(0, 5, (7, 10)).astype(np.float32)
    np.testing.assert_array_equal(CONTRACT.output.scores(logits), softmax(logits))


@given(arrays(np.float32, (3, 5), elements=st.floats(-1e4, 1e4, width=32)))
def test_softmax_gives_shares_that_keep_the_order(logits: np.ndarray) -> None:
    scores = softmax(logits)
    np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-5)
    # Two logits so close that float32 scores tie may change places; the largest logit keeps the largest score.
    np.testing.assert_array_equal(np.take_along_axis(scores, logits.argmax(1)[:, None], 1)[:, 0], scores.max(1))
    assert ((scores >= 0) & (scores <= 1)).all()
