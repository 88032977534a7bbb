import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge.device.contract import Contract, Input, Output
from edge.device.errors import Refused
from serving.protocol_v2.request import MOST_PICTURES, Inference, read_inference

INPUT = Input(shape=(1, 3, 2, 1), colour="GREY", resize="crop", scale=1 / 128, zero_point=128)
OUTPUT = Output(dtype="uint8", shape=(1, 2), scale=0.1, zero_point=7, labels=("cat", "dog"))
CONTRACT = Contract(
    name="toy", target="cpu", precision="int8", input=INPUT, output=OUTPUT, files=(), fastest="litert"
)  # fmt: skip
PICTURE = (3, 2, 1)
SIX = [0, 1, 2, 253, 254, 255]

pictures = st.integers(1, 4).flatmap(lambda count: arrays(np.uint8, (count, *PICTURE)))


def request(*, tail: bytes = b"", **changes: Any) -> tuple[bytes, bytes | None]:
    """A body and its header length, made of a good request with `changes` to its only input."""
    tensor = {"name": "image", "datatype": "UINT8", "shape": [1, *PICTURE], "data": SIX, **changes}
    body = json.dumps({"inputs": [{key: value for key, value in tensor.items() if value is not ...}]}).encode()
    return body + tail, str(len(body)).encode() if tail else None


def read(body: bytes, length: bytes | None = None) -> Inference:
    return read_inference(body, length, CONTRACT)


@given(pictures, st.booleans())
def test_numbers_of_json_come_back_flat_or_nested(batch: np.ndarray, nested: bool) -> None:
    data = batch.tolist() if nested else batch.ravel().tolist()
    np.testing.assert_array_equal(read(*request(shape=list(batch.shape), data=data)).pixels, batch)


@given(pictures, st.text(max_size=8))
def test_bytes_behind_the_json_come_back(batch: np.ndarray, identity: str) -> None:
    tensor = {
        "name": "image",
        "datatype": "UINT8",
        "shape": batch.shape,
        "parameters": {"binary_data_size": batch.size},
    }
    head = json.dumps({"id": identity, "inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    found = read(head + batch.tobytes(), str(len(head)).encode())
    np.testing.assert_array_equal(found.pixels, batch)
    assert found.id == identity
    assert [(each.name, each.binary) for each in found.outputs] == [("logits", True), ("scores", True)]


@given(pictures)
def test_raw_bytes_alone_are_pictures(batch: np.ndarray) -> None:
    np.testing.assert_array_equal(read(batch.tobytes(), b"0").pixels, batch)


def test_own_choice_of_an_output_goes_before_that_of_the_request() -> None:
    body = json.loads(request()[0])
    body["parameters"] = {"binary_data_output": True, "mine": [1]}
    body["outputs"] = [
        {"name": "scores", "parameters": {"binary_data": False, "classification": 2}},
        {"name": "logits"},
    ]
    found = read(json.dumps(body).encode()).outputs
    assert [(each.name, each.binary, each.classes) for each in found] == [("scores", False, 2), ("logits", True, 0)]


@pytest.mark.parametrize("fields", [{"outputs": None}, {"outputs": []}, {"id": None, "parameters": None}])
def test_null_and_empty_are_as_good_as_missing(fields: dict[str, Any]) -> None:
    body = {**json.loads(request()[0]), **fields}
    assert read(json.dumps(body).encode()).outputs == read(*request()).outputs


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": [3, 2, 1]}, r"shape: \[3,2,1\]; expected \[n, 3, 2, 1\], n from 1 to 64"),
        ({"shape": [1, 1, 2, 3]}, "shape"),
        ({"shape": [-1, 3, 2, 1]}, r"shape: \[-1,3,2,1\]"),
        ({"shape": [0, 3, 2, 1], "data": []}, "shape"),
        ({"shape": [2**62, 3, 2, 1]}, "shape"),
        ({"shape": [10**30, 3, 2, 1]}, "shape"),
        ({"shape": [MOST_PICTURES + 1, 3, 2, 1]}, "n from 1 to 64"),
        ({"shape": [True, 3, 2, 1]}, r"shape: \[true,3,2,1\]"),
        ({"shape": [1, 3, 2, True]}, "shape"),
        ({"shape": [1.0, 3, 2, 1]}, "shape"),
        ({"shape": "1,3,2,1"}, "shape"),
        ({"shape": ...}, "shape: null"),
        ({"shape": [[[[1]]]]}, "shape: a list of 1"),
        ({"datatype": "FP32"}, "datatype: 'FP32'; expected 'UINT8'"),
        ({"datatype": ...}, "datatype: null"),
        ({"datatype": ["UINT8"]}, "datatype"),
        ({"name": "pixels"}, "name: 'pixels'; expected 'image'"),
        ({"name": {"a": 1}}, "name: an object"),
        ({"data": SIX[1:]}, "data: 5 numbers; expected 6"),
        ({"data": []}, "data: 0 numbers"),
        ({"data": ...}, "data: no list"),
        ({"data": "AAEC"}, "data: no list"),
        ({"data": [*SIX[:5], 256]}, "above 255"),
        ({"data": [*SIX[:5], -1]}, "below 0"),
        ({"data": [*SIX[:5], 2**63]}, "above 255"),
        ({"data": [*SIX[:5], 1.5]}, "not whole numbers"),
        ({"data": [*SIX[:5], True]}, "not whole numbers"),
        ({"data": [*SIX[:5], "1"]}, "not whole numbers"),
        ({"data": [*SIX[:5], None]}, "not whole numbers"),
        ({"data": [*SIX[:5], [1]]}, "not whole numbers"),
        ({"data": [[SIX]]}, "not nested as the shape says"),
        ({"data": [[[[0], [1]], [[2], [3]], [[4]]]]}, "not nested"),
        ({"data": [[[[0], [1]], [[2], [3]], [[4], 5]]]}, "not nested"),
        ({"parameters": []}, r"inputs\[0\]\.parameters: \[\]; expected an object"),
        ({"parameters": {"shared_memory_region": "r"}}, "shared memory is not served"),
        ({"parameters": {"binary_data_size": 6}, "data": ...}, "Inference-Header-Content-Length: missing"),
        ({"tail": b"123456"}, "6 bytes behind the JSON"),
        ({"tail": b"123456", "parameters": {"binary_data_size": 6}}, "both data and binary_data_size"),
        ({"tail": b"12345", "parameters": {"binary_data_size": 6}, "data": ...}, "binary_data_size: 6; .* by 5"),
        ({"tail": b"1234567", "parameters": {"binary_data_size": 6}, "data": ...}, "binary_data_size: 6; .* by 7"),
        ({"tail": b"12345", "parameters": {"binary_data_size": 5}, "data": ...}, "5 bytes of tensor data; expected 6"),
        ({"tail": b"123456", "parameters": {"binary_data_size": "6"}, "data": ...}, "binary_data_size: '6'"),
        ({"tail": b"123456", "parameters": {"binary_data_size": -6}, "data": ...}, "binary_data_size: -6"),
        ({"tail": b"1", "parameters": {"binary_data_size": True}, "data": ...}, "binary_data_size: true"),
    ],
)  # fmt: skip
def test_input_that_is_not_of_the_contract_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(Refused, match=message) as caught:
        read(*request(**changes))
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"inputs": ...}, "inputs: null; expected a list of one object"),
        ({"inputs": []}, r"inputs: \[\]"),
        ({"inputs": {}}, "inputs: an object"),
        ({"inputs": [1]}, r"inputs: \[1\]"),
        ({"inputs": [{"name": "image"}] * 2}, "inputs: a list of 2"),
        ({"id": 42}, "id: 42; expected a string"),
        ({"parameters": "x"}, "request.parameters: 'x'"),
        ({"parameters": {"binary_data_output": 1}}, "binary_data_output: 1; expected true or false"),
        ({"outputs": {}}, "outputs: an object"),
        ({"outputs": ["logits"]}, "outputs: a list of 1"),
        ({"outputs": [{"name": "boxes"}]}, r"outputs\[0\].name: 'boxes', unknown; expected logits, scores"),
        ({"outputs": [{}]}, r"outputs\[0\].name: null, unknown"),
        ({"outputs": [{"name": ["logits"]}]}, "name: a list of 1, unknown"),
        ({"outputs": [{"name": "logits"}, {"name": "logits"}]}, r"outputs\[1\].name: 'logits', given twice"),
        ({"outputs": [{"name": "logits", "parameters": {"binary_data": "yes"}}]}, "binary_data: 'yes'"),
        ({"outputs": [{"name": "logits", "parameters": {"classification": 3}}]}, "classification: 3; expected 1 to 2"),
        ({"outputs": [{"name": "logits", "parameters": {"classification": 0}}]}, "classification: 0"),
        ({"outputs": [{"name": "logits", "parameters": {"classification": True}}]}, "classification: true"),
        ({"outputs": [{"name": "logits", "parameters": {"shared_memory_region": "r"}}]}, "shared memory"),
    ],
)
def test_request_that_is_not_of_the_protocol_is_refused(fields: dict[str, Any], message: str) -> None:
    body = {**json.loads(request()[0]), **fields}
    with pytest.raises(Refused, match=message):
        read(json.dumps({key: value for key, value in body.items() if value is not ...}).encode())


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"1", b"null", b"\xff\xfe", b'{"inputs": [NaN]}', b'"' + b"\xed\xa0\x80" + b'"', b"[" * 10**6,
     b'{"inputs":' * 2000 + b"1" + b"}" * 2000],
)  # fmt: skip
def test_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(Refused, match=r"^body: "):
        read(body)


@pytest.mark.parametrize("depth", [900, 1020])
def test_nesting_as_deep_as_the_parser_takes_is_refused(depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    for field in (b'"shape"', b'"data"', b'"datatype"', b'"name"', b'"parameters"'):
        good = {b'"shape"': b"[1,3,2,1]", b'"datatype"': b'"UINT8"', b'"name"': b'"image"', b'"data"': b"[]"}
        tensor = b",".join(name + b":" + value for name, value in {**good, field: deep}.items())
        with pytest.raises(Refused):
            read(b'{"inputs":[{' + tensor + b"}]}")


@pytest.mark.parametrize(
    "length", [b"-1", b"x", b"", b"1.5", b" 5", b"+5", b"5,5", b"1e3", b"99999", b"9" * 5000, b"\xb2"]
)
def test_header_length_that_cannot_be_is_refused(length: bytes) -> None:
    with pytest.raises(Refused, match="Inference-Header-Content-Length"):
        read(request()[0], length)


@pytest.mark.parametrize("size", [0, 1, 5, 7, 6 * MOST_PICTURES + 6])
def test_raw_bytes_of_no_whole_number_of_pictures_are_refused(size: int) -> None:
    with pytest.raises(Refused, match="expected 1 to 64 pictures of 6 bytes"):
        read(bytes(size), b"0")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
known = st.sampled_from(["inputs", "outputs", "id", "parameters", "name", "shape", "datatype", "data"])
near = st.fixed_dictionaries(
    {
        "inputs": st.lists(
            st.fixed_dictionaries(
                {
                    "name": st.just("image") | json_values,
                    "datatype": st.just("UINT8") | json_values,
                    "shape": st.lists(st.integers(-1, 3), min_size=3, max_size=5)
                    | st.just([1, *PICTURE])
                    | json_values,
                },
                optional={
                    "data": st.lists(st.integers(-1, 256), max_size=7) | st.just(SIX) | json_values,
                    "parameters": st.fixed_dictionaries({"binary_data_size": st.integers(0, 8) | json_values})
                    | json_values,
                },
            ),
            max_size=2,
        )
        | json_values,
    },
    optional={"outputs": json_values, "id": json_values, "parameters": json_values},
)
bodies = (near | st.dictionaries(known, json_values) | json_values).map(lambda value: json.dumps(value).encode())


@given(
    bodies | st.binary(max_size=64),
    st.binary(max_size=8),
    st.none() | st.integers(-2, 400).map(lambda number: str(number).encode()) | st.binary(max_size=4),
    st.booleans(),
)
@example(request()[0], b"", None, False)
def test_any_bytes_are_an_array_or_refused(head: bytes, tail: bytes, length: bytes | None, fitting: bool) -> None:
    body = head + tail
    try:
        found = read(body, str(len(head)).encode() if fitting else length)
    except Refused as refused:
        assert 400 <= refused.status < 500
        assert 10 < len(str(refused)) < 500
        return
    count = len(found.pixels)
    assert found.pixels.dtype == np.uint8
    assert found.pixels.shape == (count, *PICTURE)
    assert 1 <= count <= MOST_PICTURES
    assert {each.name for each in found.outputs} <= {"logits", "scores"}
