"""Everything people and attackers send: each answer is JSON that says what to do, and the server goes on."""

import gzip
import io
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

Encode = Callable[..., bytes]


@pytest.fixture(autouse=True)
def still_right(served: Any, client: httpx.Client, encode: Encode) -> Iterator[None]:
    """After each of these tests the server answers as before."""
    yield
    answer = client.post("/predict", files={"image": encode(served.golden.inputs[0])})
    assert answer.json()["label"] == str(served.golden.outputs[0].argmax())


def refused(answer: httpx.Response, status: int, *words: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    for word in words:
        assert word in answer.json()["error"]


def png_of(width: int, height: int) -> bytes:
    """A PNG whose head promises `width` x `height` pixels, in a few hundred bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 1) * min(height, 1)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def animation() -> bytes:
    file = io.BytesIO()
    frames = [Image.new("L", (8, 8), level) for level in (0, 128, 255)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


PICTURES = {
    "empty": (b"", "empty"),
    "text": (b"this is no rose", "JPEG, PNG, WEBP, BMP"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1/"/></svg>', "JPEG, PNG, WEBP, BMP"),
    "gif": (animation(), "JPEG, PNG, WEBP, BMP"),
    "bomb": (png_of(50_000, 50_000), "50,000,000"),
    "wide": (png_of(20_000, 2), "a side"),
    "one pixel": (png_of(1, 1), "2 to 16,384 a side"),
    "half a bmp": (b"BM" + bytes(20), "picture"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_predict_refuses_what_is_no_picture_of_its_bounds(client: httpx.Client, name: str) -> None:
    content, word = PICTURES[name]
    refused(client.post("/predict", files={"image": ("rose.jpg", content, "image/jpeg")}), 400, word)
    refused(client.post("/predict", content=content, headers={"content-type": "image/jpeg"}), 400, word)


def test_predict_refuses_a_truncated_jpeg_and_names_it_among_several(client: httpx.Client, encode: Encode) -> None:
    whole = encode(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8), "JPEG")
    refused(client.post("/predict", files={"image": whole[: len(whole) // 2]}), 400, "damaged")
    refused(client.post("/predict", files=[("image", whole), ("image", whole[:200])]), 400, "image 2")


@pytest.mark.parametrize(
    ("media_type", "word"),
    [
        ("image/jpg", "image/jpeg"),
        ("application/octet-stream", "image/png"),
        ("application/json", "multipart/form-data"),
        ("application/x-www-form-urlencoded", "multipart/form-data"),
        ("application/vnd.bentoml+pickle", "multipart/form-data"),
        ("image/svg+xml", "image/png"),
        ("", "missing"),
    ],
)
def test_predict_refuses_another_content_type(client: httpx.Client, media_type: str, word: str) -> None:
    refused(client.post("/predict", content=b"body", headers={"content-type": media_type}), 415, word)


def test_predict_refuses_a_pickle_without_reading_it(client: httpx.Client, tmp_path: Any) -> None:
    trap = tmp_path / "trap"
    payload = b"cos\nsystem\n(S'touch " + str(trap).encode() + b"'\ntR."
    for media_type in ("application/vnd.bentoml+pickle", "application/octet-stream", "image/png"):
        answer = client.post("/predict", content=payload, headers={"content-type": media_type})
        assert answer.status_code in (400, 415)
    assert not trap.exists()


@pytest.mark.parametrize(
    ("files", "status", "word"),
    [
        ({"picture": b"x"}, 400, "'picture'"),
        ({"image": b"", "other": b"x"}, 400, "'other'"),
        ([("image", b"x")] * 17, 400, "more than 16"),
    ],
)
def test_predict_refuses_forms_with_other_fields(client: httpx.Client, files: Any, status: int, word: str) -> None:
    refused(client.post("/predict", files=files), status, word)


FORM = "multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\n'
FORMS = {
    "no boundary": ("multipart/form-data", b"--x--\r\n", "boundary"),
    "another boundary": ("multipart/form-data; boundary=y", PART + b"ab\r\n--x--\r\n", "form"),
    "cut short": (FORM, PART + b"ab", "cut"),
    "nothing": (FORM, b"", "form"),
    "no part": (FORM, b"--x--\r\n", "form"),
    "nameless": (FORM, b"--x\r\nA: b\r\n\r\nab\r\n--x--\r\n", "''"),
    "many headers": (FORM, b"--x\r\nA: " + b"b" * 9000 + b"\r\n\r\nab\r\n--x--\r\n", "header size"),
    "an address": (FORM, PART + b"http://127.0.0.1:1/\r\n--x--\r\n", "not a picture"),
}


@pytest.mark.parametrize("name", FORMS)
def test_predict_refuses_damaged_forms(client: httpx.Client, name: str) -> None:
    media_type, body, word = FORMS[name]
    refused(client.post("/predict", content=body, headers={"content-type": media_type}), 400, word)


QUERIES = ["top=0", "top=11", "top=-1", "top=five", "top=٣", "top=" + "9" * 5000, "top=1&top=2", "tpo=3", "%ff=1"]


@pytest.mark.parametrize("query", QUERIES)
def test_predict_refuses_other_queries(client: httpx.Client, encode: Encode, query: str) -> None:
    picture = encode(np.zeros((8, 8, 1), np.uint8))
    refused(client.post(f"/predict?{query}", files={"image": picture}), 400, "top")


NOWHERE = (
    *("/predictions", "/predict/", "/../etc/passwd", "/static/../app.py", "/healthz", "/schema.json"),
    *("/examples/16.png", "/examples/-1.png", "/examples/%D9%A3.png"),
)


@pytest.mark.parametrize("path", NOWHERE)
def test_server_answers_404_where_nothing_is(client: httpx.Client, path: str) -> None:
    refused(client.get(path), 404, "expected" if "examples" in path else "/docs.json")


def test_server_tells_the_methods_of_a_path(client: httpx.Client) -> None:
    answer = client.get("/predict")
    refused(answer, 405, "POST")
    assert answer.headers["allow"] == "POST"


def test_server_refuses_a_long_body_by_its_length_and_by_its_chunks(client: httpx.Client) -> None:
    most = 10 * 2**20
    headers = {"content-type": "image/png"}
    refused(client.post("/predict", content=bytes(most + 1), headers=headers), 413, "10,485,760")
    chunks = (bytes(2**20) for _ in range(11))
    refused(client.post("/predict", content=chunks, headers=headers), 413, "10,485,760")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_server_bounds_what_a_body_unpacks_to(client: httpx.Client, encoding: str) -> None:
    bomb = gzip.compress(bytes(2**28)) if encoding == "gzip" else zlib.compress(bytes(2**28))
    headers = {"content-type": "image/png", "content-encoding": encoding}
    refused(client.post("/predict", content=bomb, headers=headers), 413, "longer than")
    refused(client.post("/predict", content=bomb[:1000], headers=headers), 400, "cut short")
    refused(client.post("/predict", content=b"no archive", headers=headers), 400, encoding)


def test_server_refuses_other_encodings(client: httpx.Client) -> None:
    refused(client.post("/predict", content=b"x", headers={"content-encoding": "br"}), 415, "gzip, deflate")


def test_server_survives_clients_that_leave_in_the_middle(served: Any) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\n"
    for sent in (head, head + bytes(500), head[:30], b""):
        with socket.create_connection(served.address) as connection:
            connection.sendall(sent)


@pytest.mark.parametrize(
    "sent", [b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"POST /predict HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
             b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"]
)  # fmt: skip
def test_server_answers_400_to_what_is_no_http(served: Any, sent: bytes) -> None:
    with socket.create_connection(served.address, timeout=10) as connection:
        connection.sendall(sent)
        assert connection.recv(64).startswith(b"HTTP/1.1 400")


def test_predict_refuses_a_jpeg_of_endless_scans(client: httpx.Client) -> None:
    file = io.BytesIO()
    Image.new("L", (64, 64), 200).save(file, "JPEG", progressive=True)
    content = file.getvalue()
    start = content.rindex(b"\xff\xda")  # the last scan, once more and once more
    many = content[:-2] + 100 * content[start:-2] + content[-2:]
    files = {"image": content}
    assert client.post("/predict", files=files).status_code == 200
    refused(client.post("/predict", files={"image": many}), 400, "scans")


def test_predict_bounds_the_pixels_of_a_request_not_only_of_a_picture(client: httpx.Client) -> None:
    file = io.BytesIO()
    Image.new("L", (6000, 5000)).save(file, "PNG")  # 30 million
    refused(client.post("/predict", files=[("image", file.getvalue())] * 2), 400, "image 2", "20,000,000")


@pytest.mark.parametrize("path", ["/examples/" + "9" * 5000 + ".png", "/predict?top=" + "0" * 5000 + "1"])
def test_endless_numbers_are_refused(client: httpx.Client, encode: Encode, path: str) -> None:
    picture = encode(np.zeros((8, 8, 1), np.uint8))
    answer = client.get(path) if path.startswith("/examples") else client.post(path, files={"image": picture})
    assert answer.status_code in (400, 404)
