"""The document: every route of the table with what it takes and every status that it can answer."""

import re
from collections.abc import Mapping
from typing import Any

from serving.http import Response, as_json
from serving.model import Model
from serving.openapi.operations import HEALTH, PROTOCOL, SERVICE, Operation, operations
from serving.openapi.responses import responses
from serving.openapi.schemas import schemas
from serving.protocol_v2.metadata import SERVER_VERSION
from serving.route import Route
from serving.settings import Settings
from serving.state import State

_KEYS = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}
_TAGS = (
    {"name": SERVICE, "description": "Pictures in, labels out."},
    {"name": PROTOCOL, "description": "Version 2, with binary tensors and classification as Triton has them."},
    {"name": HEALTH, "description": "For probes; never asks for a key."},
)
_BODY_REFUSALS = (400, 408, 413, 415)  # of every route that reads a body


class Document:
    """The OpenAPI of the model that is served now, made once for each."""

    def __init__(self) -> None:
        self._subject: tuple[str, Settings] | None = None
        self._made = Response(body=b"")

    def of(self, routes: Mapping[str, Route], state: State) -> Response:
        """What `describe` says, as JSON."""
        subject = (state.model.version, state.settings)
        if subject != self._subject:
            self._made = as_json(describe(routes, state.model, state.settings, has_keys=state.has_keys))
            self._subject = subject
        return self._made


def describe(routes: Mapping[str, Route], model: Model, settings: Settings, *, has_keys: bool) -> dict[str, Any]:
    """OpenAPI 3.1 (spec.openapis.org/oas/v3.1.0) of `routes`, by path template: those of `operations`."""
    described = operations(model, settings)
    paths = {
        path: {
            method.lower(): _operation(path, method, described[path], asks_key=route.guarded and has_keys)
            for method in route.handlers
        }
        for path, route in routes.items()
    }
    components: dict[str, Any] = {"schemas": schemas(model, settings), "responses": responses(settings)}
    if has_keys:
        components["securitySchemes"] = _KEYS
    contract = model.contract
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Edgewise: {model.name}",
            "version": SERVER_VERSION,
            "description": f"{contract.name} for {contract.target}, {contract.precision}, version {model.version}: "
            f"{len(contract.output.labels)} labels. Every answer has an X-Request-Id, the request's own where it "
            'brings one. Every refusal is {"error": "what came, what was expected, what to do"}.',
        },
        "tags": _TAGS,
        "paths": paths,
        "components": components,
    }


def _operation(path: str, method: str, operation: Operation, *, asks_key: bool) -> dict[str, Any]:
    """An OpenAPI operation object."""
    statuses = {405, *operation.refuses, *((401,) if asks_key else ()), *(_BODY_REFUSALS if method == "POST" else ())}
    answer: dict[str, Any] = {"description": operation.summary, "content": operation.answer}
    if operation.headers:
        answer["headers"] = operation.headers
    made: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{method.lower()}{path}").strip("_"),
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": {
            "200": answer,
            **{str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(statuses)},
        },
    }
    if operation.description:
        made["description"] = operation.description
    if operation.parameters:
        made["parameters"] = operation.parameters
    if operation.body:
        made["requestBody"] = {"required": True, "content": operation.body}
    if asks_key:
        made["security"] = [{name: []} for name in _KEYS]
    return made
