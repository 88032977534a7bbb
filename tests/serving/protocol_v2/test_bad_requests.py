"""Requests below /v2 that a real server refuses, and goes on."""

import gzip
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import orjson
import pytest

PATH = "/v2/models/digits/infer"
SHAPE = [1, 8, 8, 1]


def good(**changes: Any) -> bytes:
    tensor = {"name": "image", "datatype": "UINT8", "shape": SHAPE, "data": [7] * 64, **changes}
    return orjson.dumps({"inputs": [{key: value for key, value in tensor.items() if value is not None}]})


BINARY = good(data=None, parameters={"binary_data_size": 64})


def refused(answer: httpx.Response, status: int, *words: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    for word in words:
        assert word in answer.json()["error"]


@pytest.fixture(autouse=True)
def still_right(served: Any, client: httpx.Client) -> Iterator[None]:
    """After each of these tests the server answers as before."""
    yield
    pixels = served.golden.inputs[:2]
    answer = client.post(PATH, content=good(shape=list(pixels.shape), data=pixels.tolist()))
    logits = np.array(answer.json()["outputs"][0]["data"], np.float32).reshape(2, -1)
    assert (np.abs(logits - served.golden.outputs[:2]) <= served.golden.tolerance).all()


@pytest.mark.parametrize("path", ["/v2/models/roses", "/v2/models/roses/ready", "/v2/models/d%00gits"])
def test_unknown_model_is_not_found_and_the_known_named(client: httpx.Client, path: str) -> None:
    refused(client.get(path), 404, "expected 'digits'")


@pytest.mark.parametrize("tail", ["", "/ready"])
def test_unknown_version_is_not_found_and_the_known_named(client: httpx.Client, tail: str) -> None:
    version = client.get("/v2/models/digits").json()["versions"][0]
    refused(client.get(f"/v2/models/digits/versions/1{tail}"), 404, "version '1'", version)
    refused(client.post("/v2/models/digits/versions/1/infer", content=good()), 404, "version '1'", version)
    assert client.post(f"/v2/models/digits/versions/{version}/infer", content=good()).status_code == 200


@pytest.mark.parametrize("path", ["/v2/", "/v2/models/digits/", "/v2/health/ready/"])
def test_slash_at_the_end_is_let_pass(client: httpx.Client, path: str) -> None:
    assert client.get(path).json() == client.get(path.removesuffix("/")).json()


@pytest.mark.parametrize(
    "path",
    [
        "/v2/x",
        "/v2/models",
        "/v2/models/",
        "/v2/models/digits/versions",
        "/v2/models/digits/explain",
        "/v2/models/a/b/c/d/e",
    ],
)
def test_path_that_is_not_of_the_protocol_is_not_found(client: httpx.Client, path: str) -> None:
    refused(client.get(path), 404, "/docs.json")


def test_wrong_method_is_refused_with_the_right_one(client: httpx.Client) -> None:
    refused(client.get(PATH), 405, "expected POST")
    answer = client.post("/v2/models/digits", content=good())
    refused(answer, 405, "expected GET")
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    "media_type",
    ["application/vnd.bentoml+pickle", "application/octet-streams", "text/plain", "multipart/form-data", "", "\xff"],
)
def test_other_content_types_are_refused(client: httpx.Client, media_type: str) -> None:
    headers = {"content-type": media_type.encode("latin-1")}
    refused(client.post(PATH, content=good(), headers=headers), 415, "expected application/json")


@pytest.mark.parametrize("media_type", ["application/json", "Application/JSON; charset=utf-8", None])
def test_content_types_of_json_are_taken(client: httpx.Client, media_type: str | None) -> None:
    headers = {"content-type": media_type} if media_type else {}
    assert client.post(PATH, content=good(), headers=headers).status_code == 200


def test_header_length_counts_in_the_decompressed_body(client: httpx.Client) -> None:
    body = gzip.compress(BINARY + bytes(64))
    headers = {"content-encoding": "gzip", "inference-header-content-length": str(len(BINARY))}
    assert client.post(PATH, content=body, headers=headers).status_code == 200
    headers["inference-header-content-length"] = str(len(BINARY) + 65)
    refused(client.post(PATH, content=body, headers=headers), 400, "Inference-Header-Content-Length")


def test_binary_data_without_header_length_is_refused(client: httpx.Client) -> None:
    refused(client.post(PATH, content=BINARY + bytes(64)), 400, "no JSON", "Inference-Header-Content-Length")


@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_encoding_that_cannot_be_read_is_refused(client: httpx.Client, encoding: str) -> None:
    answer = client.post(PATH, content=good(), headers={"content-encoding": encoding})
    refused(answer, 415 if encoding == "br" else 400, "gzip")


def test_gzip_bomb_is_refused(client: httpx.Client) -> None:
    bomb = gzip.compress(bytes(200 * 2**20), compresslevel=1)
    refused(client.post(PATH, content=bomb, headers={"content-encoding": "gzip"}), 413, "10,485,760 bytes")


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[" * 100_000, b"\xff", good()[:-1], good(data=[float("nan")] * 64), good(shape=[-1, 8, 8, 1]),
     good(shape=[2**40, 8, 8, 1]), good(datatype="FP32"), good(data=[256] * 64), good(data=[0] * 5_000_000)],
    ids=["empty", "object", "deep", "not utf-8", "cut short", "nan", "negative", "huge", "dtype", "range", "long"],
)  # fmt: skip
def test_body_that_does_not_fit_is_refused(client: httpx.Client, body: bytes) -> None:
    refused(client.post(PATH, content=body), 400, "expected")
