"""Whatever is sent, the answer is ours: never a 5xx, never silence, and every error is JSON with a sentence.

`make test-fuzz` sends a hundred times as many requests.
"""

import http.client
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

Encode = Callable[..., bytes]

FORM = b'--x\r\nContent-Disposition: form-data; name="image"\r\nContent-Type: image/jpeg\r\n\r\n%s\r\n--x--\r\n'
TYPES = ["image/png", "image/jpeg", "image/webp", "image/bmp", "application/json", "application/octet-stream",
         "multipart/form-data; boundary=x", "multipart/form-data", "text/plain", ""]  # fmt: skip
INTEGERS = some.integers(-(2**65), 2**65)
JSON = some.recursive(
    some.none() | some.booleans() | INTEGERS | some.floats() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def ask(served: Any) -> Callable[..., tuple[int, bytes, str]]:
    """Send one request on a connection that is kept while the server keeps it: status, body and content type.

    A new connection is made where the server said that it closes the one before; silence is a failure.
    """
    connection = http.client.HTTPConnection(*served.address, timeout=30)

    def send(method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes, str]:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()  # closes the connection where the answer says `connection: close`
        return answer.status, answer.read(), answer.headers.get("content-type", "")

    return send


def check(answer: tuple[int, bytes, str]) -> None:
    status, body, media_type = answer
    assert status < 500, body
    if status >= 400:
        assert media_type == "application/json", body
        assert len(json.loads(body)["error"]) > 10


def seeds(served: Any, encode: Encode) -> list[tuple[str, bytes]]:
    """Requests that are right, to be damaged."""
    pictures = served.golden.inputs
    tensor = pictures[:1].tobytes()
    name = served.artifact.parent.parent.name
    infer = f"/v2/models/{name}/infer"
    head = {"inputs": [{"name": "image", "datatype": "UINT8", "shape": [1, 8, 8, 1]}]}
    flat = {"inputs": [{**head["inputs"][0], "data": pictures[0].ravel().tolist()}]}
    sized = {"inputs": [{**head["inputs"][0], "parameters": {"binary_data_size": 64}}]}
    return [
        *(("/predict", encode(pictures[0], form)) for form in ("PNG", "JPEG", "WEBP", "BMP")),
        ("/predict", FORM % encode(pictures[1], "JPEG")),
        (infer, json.dumps(flat).encode()),
        (infer, json.dumps(sized).encode() + tensor),
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(data=some.data())
def test_damaged_requests_are_answered(served: Any, encode: Encode, ask: Callable[..., Any], data: Any) -> None:
    path, body = data.draw(some.sampled_from(seeds(served, encode)))
    damaged = bytearray(body)
    for _ in range(data.draw(some.integers(0, 6))):
        at = data.draw(some.integers(0, len(damaged)))
        kind = data.draw(some.sampled_from(["set", "cut", "insert", "double"]))
        piece = data.draw(some.binary(max_size=8))
        if kind == "set":
            damaged[at : at + len(piece)] = piece
        elif kind == "cut":
            del damaged[at : at + data.draw(some.integers(1, 64))]
        elif kind == "insert":
            damaged[at:at] = piece
        else:
            damaged += damaged[at : at + 64]
    headers = {"Content-Type": data.draw(some.sampled_from(TYPES))}
    if data.draw(some.booleans()):
        headers["Inference-Header-Content-Length"] = str(
            data.draw(some.sampled_from([len(body) - 64, 0, len(body)]) | INTEGERS)
        )
    if data.draw(some.integers(0, 9)) == 0:
        headers["Content-Encoding"] = data.draw(some.sampled_from(["gzip", "deflate", "br", "gzip, gzip"]))
    check(ask("POST", path, bytes(damaged), headers))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(value=JSON, name=some.sampled_from(["digits", "nothing", "digits/versions/1"]))
def test_any_json_is_answered_by_the_protocol(ask: Callable[..., Any], value: Any, name: str) -> None:
    body = json.dumps(value).encode()
    check(ask("POST", f"/v2/models/{name}/infer", body, {"Content-Type": "application/json"}))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(
    method=some.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]),
    path=some.text(alphabet=some.characters(min_codepoint=33, max_codepoint=126), max_size=40),
    start=some.sampled_from(
        ["", "/v2", "/v2/models/", "/v2/models/digits/", "/examples/", "/static/", "/docs", "/predict?"]
    ),
    header=some.text(
        alphabet=some.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40
    ),
)
def test_any_path_and_header_is_answered(
    ask: Callable[..., Any], method: str, path: str, start: str, header: str
) -> None:
    headers = dict.fromkeys(("X-Request-Id", "Authorization", "Accept-Encoding", "Origin", "X-Api-Key"), header)
    status, body, media_type = ask(method, f"{start}/{path}" if not start else start + path, None, headers)
    assert status < 500
    if method != "HEAD":
        check((status, body, media_type))


def test_answers_are_those_of_the_openapi(served: Any, tmp_path: Path) -> None:
    examples = 1000 if settings.get_current_profile_name() == "thorough" else 20
    command = [
        *(Path(sys.executable).parent / "schemathesis", "--no-color", "run", f"{served.url}/docs.json"),
        *("--max-examples", str(examples), "--warnings", "off"),
        # Bytes of the right type need not be a picture, nor need a header's length fit the body.
        *("--exclude-checks", "positive_data_acceptance"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
