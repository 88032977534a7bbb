"""/docs.json against the OpenAPI's own schema, against the routes, and against what a real server answers."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from jsonschema import Draft202012Validator
from playwright.sync_api import sync_playwright
from schemathesis.specs.openapi.definitions import OPENAPI_31

from serving.openapi.document import Document
from serving.route import Route
from serving.routes import DESCRIBED, ROUTES, find_route
from serving.settings import Settings
from serving.state import State

CHROMIUM = Path("/usr/bin/chromium")
KEY = "k" * 32
METHODS = ("get", "post", "put", "delete", "patch")
PROTOCOL = "/v2/models/{model}"
INFER = "/v2/models/{model}/infer"
PATHS = {
    "/", "/predict", "/model.json", "/examples/{number}.png", "/livez", "/readyz", "/metrics", "/admin/reload",
    "/docs", "/docs.json", "/v2", "/v2/health/live", "/v2/health/ready",
    *(PROTOCOL + version + verb for version in ("", "/versions/{version}") for verb in ("", "/ready", "/infer")),
}  # fmt: skip

Content = dict[str, Any]


@pytest.fixture(scope="module")
def document(served: Any) -> Content:
    return httpx.get(f"{served.url}/docs.json").json()


@pytest.fixture(scope="module")
def guarded(start_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server with a key and bounds of its own."""
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(KEY)
    limits = ("--images", 3, "--queue", 5, "--body-bytes", 123_456, "--seconds", 7, "--pixels", 99_999)
    with start_server("--api-key-file", keys, *limits) as server:
        yield server


def filled(document: Content, path: str) -> str:
    """The path with the examples of its parameters."""
    operation = next(iter(document["paths"][path].values()))
    values = {each["name"]: each["example"] for each in operation.get("parameters", ()) if each["in"] == "path"}
    return path.format(**values)


def operations(document: Content) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, each) for path, methods in document["paths"].items() for method, each in methods.items()]


def check(document: Content, operation: dict[str, Any], answer: httpx.Response) -> None:
    """`answer` is one of those that `operation` describes."""
    described = operation["responses"].get(str(answer.status_code))
    assert described is not None, (answer.status_code, answer.text)
    if "$ref" in described:
        described = document["components"]["responses"][described["$ref"].rsplit("/", 1)[1]]
    assert answer.headers["content-type"] in described["content"]
    for name in described.get("headers", {}):
        assert name in answer.headers or name == "Inference-Header-Content-Length"
    if answer.headers["content-type"] == "application/json":
        conform(document, described["content"]["application/json"]["schema"], answer.json())


def conform(document: Content, schema: dict[str, Any], value: Any) -> None:
    Draft202012Validator({**schema, "components": document["components"]}).validate(value)


def test_document_is_openapi_with_schemas_that_are_schemas(document: Content) -> None:
    Draft202012Validator(OPENAPI_31).validate(document)
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    named = set(re.findall(r'"#/components/(\w+)/(\w+)"', httpx.Response(200, json=document).text))
    assert named == {(kind, name) for kind in ("schemas", "responses") for name in document["components"][kind]} - {
        ("responses", "401")  # nothing asks for a key here
    }
    identifiers = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(identifiers)) == len(identifiers)


def test_described_paths_are_those_of_the_routes(document: Content) -> None:
    assert set(document["paths"]) == PATHS
    assert {path for path in ROUTES if not path.startswith(("/static/", "/docs/"))} <= PATHS
    for path in PATHS:
        route = find_route(filled(document, path))
        assert isinstance(route, Route)
        assert {method.upper() for method in document["paths"][path]} == set(route.handlers)


def test_readings_are_answered_as_described(document: Content, client: httpx.Client) -> None:
    for path, method, operation in operations(document):
        if method == "get":
            answer = client.get(filled(document, path))
            assert answer.status_code == 200
            check(document, operation, answer)


def test_other_methods_are_refused_as_described(document: Content, client: httpx.Client) -> None:
    for path, methods in document["paths"].items():
        for method in set(METHODS) - set(methods):
            answer = client.request(method, filled(document, path))
            assert answer.status_code == 405
            check(document, next(iter(methods.values())), answer)


@pytest.mark.parametrize("count", [1, 2])
def test_predictions_are_answered_as_described(document: Content, client, served, encode, count: int) -> None:
    files = [("image", encode(pixels)) for pixels in served.golden.inputs[:count]]
    answer = client.post("/predict", files=files)
    assert answer.status_code == 200
    check(document, document["paths"]["/predict"]["post"], answer)


@pytest.mark.parametrize("path", [INFER, "/v2/models/{model}/versions/{version}/infer"])
def test_inferences_of_the_examples_are_answered_as_described(document: Content, client, path: str) -> None:
    operation = document["paths"][path]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    given = operation["requestBody"]["content"]["application/json"]["examples"]
    assert given
    for example in given.values():
        conform(document, schema, example["value"])
        answer = client.post(filled(document, path), json=example["value"])
        assert answer.status_code == 200
        check(document, operation, answer)
    binary = {**given["flat"]["value"], "parameters": {"binary_data_output": True}}
    conform(document, schema, binary)
    check(document, operation, client.post(filled(document, path), json=binary))


def test_examples_of_answers_are_what_comes(document: Content, client, served, encode) -> None:
    infer = document["paths"][INFER]["post"]
    given = infer["requestBody"]["content"]["application/json"]["examples"]["flat"]["value"]
    content = infer["responses"]["200"]["content"]["application/json"]
    conform(document, content["schema"], content["example"])
    answer = client.post(filled(document, INFER), json=given).json()
    assert answer["model_version"] == content["example"]["model_version"]
    found, expected = (np.array(each["outputs"][0]["data"]) for each in (answer, content["example"]))
    assert np.abs(found - expected).max() <= served.golden.tolerance
    content = document["paths"]["/predict"]["post"]["responses"]["200"]["content"]["application/json"]
    conform(document, content["schema"], content["example"])
    answer = client.post(
        "/predict?top=3", content=encode(served.golden.inputs[0]), headers={"content-type": "image/png"}
    )
    assert [each["label"] for each in answer.json()["scores"]] == [s["label"] for s in content["example"]["scores"]]
    assert answer.json()["model"] == content["example"]["model"]


@pytest.mark.parametrize(
    ("path", "options", "status"),
    [
        ("/predict", {"content": b""}, 415),
        ("/predict", {"content": b"x", "headers": {"content-type": "image/png"}}, 400),
        ("/predict", {"files": [("image", b"x")] * 17}, 400),
        ("/v2/models/digits/infer", {"json": {}}, 400),
        ("/v2/models/roses/infer", {"json": {}}, 404),
        ("/v2/models/digits/infer", {"content": b"", "headers": {"content-type": "text/plain"}}, 415),
        ("/v2/models/digits/infer", {"content": bytes(11 * 2**20)}, 413),
        ("/admin/reload", {}, 403),
    ],
)
def test_refusals_are_answered_as_described(document: Content, client, path: str, options: Any, status: int) -> None:
    template = INFER if path.startswith("/v2") else path
    answer = client.post(path, **options)
    assert answer.status_code == status
    check(document, document["paths"][template]["post"], answer)


def test_schema_of_requests_knows_the_model(document: Content, served: Any) -> None:
    schema = {"$ref": "#/components/schemas/InferenceRequest", "components": document["components"]}
    valid = Draft202012Validator(schema).is_valid
    shape = list(served.golden.inputs[:1].shape)
    good = {"name": "image", "datatype": "UINT8", "shape": shape, "data": [0] * 64}
    assert valid({"inputs": [good]})
    assert valid({"inputs": [{**good, "data": served.golden.inputs[:1].tolist()}]})
    for wrong in (
        {"shape": [0, *shape[1:]]}, {"shape": [65, *shape[1:]]}, {"shape": [*shape, 1]}, {"shape": shape[1:]},
        {"datatype": "FP32"}, {"name": "x"}, {"data": [256] * 64}, {"data": [0] * 63}, {"data": [[0] * 64]},
    ):  # fmt: skip
        assert not valid({"inputs": [{**good, **wrong}]}), wrong
    assert not valid({"inputs": [good, good]})
    assert not valid({"inputs": [good], "outputs": [{"name": "boxes"}]})


def test_keys_are_described_where_they_are_asked_for(guarded: Any) -> None:
    with httpx.Client(base_url=guarded.url) as client:
        document = client.get("/docs.json").json()
        Draft202012Validator(OPENAPI_31).validate(document)
        for path, method, operation in operations(document):
            answer = client.request(method, filled(document, path))
            check(document, operation, answer)
            assert (answer.status_code == 401) == ("401" in operation["responses"]) == ("security" in operation), path
        assert document["components"]["securitySchemes"] == {
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "bearer": {"type": "http", "scheme": "bearer"},
        }
        for headers in ({"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}):
            assert client.get("/metrics", headers=headers).status_code == 200


def test_no_keys_are_described_where_none_are_asked_for(document: Content) -> None:
    assert "securitySchemes" not in document["components"]
    assert not any("security" in each or "401" in each["responses"] for _, _, each in operations(document))


def test_limits_described_are_those_of_the_settings(guarded: Any) -> None:
    document = httpx.get(f"{guarded.url}/docs.json").json()
    predict = document["paths"]["/predict"]["post"]
    assert predict["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]["image"]["maxItems"] == 3
    assert "99,999 pixels" in predict["description"]
    refusals = {status: each["description"] for status, each in document["components"]["responses"].items()}
    assert "7 s" in refusals["408"]
    assert "123,456" in refusals["413"]
    assert "5 requests" in refusals["429"]


def test_document_is_made_once_for_each_model(served: Any) -> None:
    first, second = (State(Settings(artifact=served.artifact, images=images)) for images in (1, 2))
    document = Document()
    made = document.of(DESCRIBED, first)
    assert document.of(DESCRIBED, first) is made
    assert document.of(DESCRIBED, second).body != made.body


def test_page_shows_the_document_and_asks_nobody_else(served: Any) -> None:
    if not CHROMIUM.exists():
        pytest.skip(f"needs {CHROMIUM}; apt-get install chromium")
    asked: list[str] = []
    complaints: list[str] = []
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as browser,
    ):
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{served.url}/docs")
        page.wait_for_selector("#operations-Service-post_predict")
        page.locator("[id^=operations-].opblock").last.wait_for()
        assert page.locator("[id^=operations-].opblock").count() == len(PATHS)
    assert f"{served.url}/docs.json" in asked
    assert [url for url in asked if not url.startswith((f"{served.url}/", "data:"))] == []
    assert complaints == []
