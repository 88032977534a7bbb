"""What each route does, by path: its parameters, its body and what it answers when all is well."""

from dataclasses import dataclass, field, replace
from typing import Any

from serving.metrics import MEDIA_TYPE as METRICS
from serving.model import Model
from serving.openapi import examples
from serving.openapi.schemas import reference
from serving.pictures import FIELD, MEDIA_TYPES
from serving.predict import FORMATS
from serving.settings import Settings

SERVICE, HEALTH, PROTOCOL = "Service", "Health", "Open Inference Protocol"

_BYTES: dict[str, Any] = {"type": "string", "format": "binary"}
_TEXT: dict[str, Any] = {"type": "string"}
_JSON = "application/json"
_LENGTH = "Inference-Header-Content-Length"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """`body` and `answer` are contents by media type, `headers` those of the answer; `refuses` are the statuses beside
    those that every route of its kind has.
    """

    summary: str
    tag: str
    answer: dict[str, Any]
    description: str = ""
    parameters: tuple[dict[str, Any], ...] = ()
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, Any] = field(default_factory=dict)
    refuses: tuple[int, ...] = ()


def operations(model: Model, settings: Settings) -> dict[str, Operation]:
    """The operation of each path."""
    return {
        "/predict": _predict(model, settings),
        "/model.json": _json("What is served, and how good it was proven to be", SERVICE, "Card"),
        "/examples/{number}.png": _example(model),
        "/livez": _text("Is the process alive?", HEALTH, "text/plain; charset=utf-8"),
        "/readyz": _text("May it get requests?", HEALTH, "text/plain; charset=utf-8"),
        "/metrics": _text("Counters for Prometheus", SERVICE, METRICS.decode()),
        "/admin/reload": replace(
            _json("Serve what stands at the artefact's path now", SERVICE, "Reloaded"), refuses=(403, 409)
        ),
        "/docs.json": Operation(
            summary="This description", tag=SERVICE, answer={_JSON: {"schema": {"type": "object"}}}
        ),
        "/docs": _text("This description as a page", SERVICE, "text/html; charset=utf-8"),
        "/": _text("A page to try the model", SERVICE, "text/html; charset=utf-8"),
        "/v2": _json("Server metadata", PROTOCOL, "ServerMetadata"),
        "/v2/health/live": _json("Is the server alive?", HEALTH, "Live"),
        "/v2/health/ready": _json("Is its model ready?", HEALTH, "Ready"),
        **_of_model("", _json("Model metadata", PROTOCOL, "ModelMetadata"), model),
        **_of_model("/ready", _json("Is this model ready?", HEALTH, "ModelReady"), model),
        **_of_model("/infer", _infer(model, settings), model),
    }


def _json(summary: str, tag: str, schema: str) -> Operation:
    return Operation(summary=summary, tag=tag, answer={_JSON: {"schema": reference(schema)}})


def _text(summary: str, tag: str, media_type: str) -> Operation:
    return Operation(summary=summary, tag=tag, answer={media_type: {"schema": _TEXT}})


def _of_model(verb: str, operation: Operation, model: Model) -> dict[str, Operation]:
    """`operation` at both its paths, with and without a version."""
    name = _path_parameter("model", {"enum": [model.name]}, model.name)
    version = _path_parameter("version", {"enum": [model.version]}, model.version)
    common = replace(operation, refuses=(404, *operation.refuses), parameters=(name, *operation.parameters))
    return {
        f"/v2/models/{{model}}{verb}": common,
        f"/v2/models/{{model}}/versions/{{version}}{verb}": replace(common, parameters=(version, *common.parameters)),
    }


def _predict(model: Model, settings: Settings) -> Operation:
    labels = len(model.contract.output.labels)
    pictures = {"type": "array", "items": _BYTES, "minItems": 1, "maxItems": settings.images}
    form = {"type": "object", "required": [FIELD], "properties": {FIELD: pictures}, "additionalProperties": False}
    encoding = {FIELD: {"contentType": ", ".join(MEDIA_TYPES)}}
    top = {"type": "integer", "minimum": 1, "maximum": labels, "default": min(5, labels)}
    return Operation(
        summary="Labels and scores of pictures",
        tag=SERVICE,
        description=f"{', '.join(FORMATS)}, at most {settings.pixels:,} pixels each and {settings.body_bytes:,} bytes "
        f"in all: one as the body, or 1 to {settings.images} as the form field {FIELD!r}.",
        parameters=({"name": "top", "in": "query", "schema": top, "description": "How many scores to list."},),
        body={
            "multipart/form-data": {"schema": form, "encoding": encoding},
            **{media_type: {"schema": _BYTES} for media_type in MEDIA_TYPES},
        },
        answer={_JSON: {"schema": reference("Predictions"), "example": examples.prediction(model)}},
        refuses=(429, 503),
    )


def _example(model: Model) -> Operation:
    number = {"type": "integer", "minimum": 0, "maximum": len(model.golden.inputs) - 1}
    return Operation(
        summary="A golden picture",
        tag=SERVICE,
        parameters=(_path_parameter("number", number, 0),),
        answer={"image/png": {"schema": _BYTES}},
        refuses=(404,),
    )


def _infer(model: Model, settings: Settings) -> Operation:
    length = {"type": "integer", "minimum": 0}
    # Whoever needs a key to ask is not shown a picture of the data without one.
    shown = examples.inference_requests(model) if settings.api_key_file is None else {}
    request = {"schema": reference("InferenceRequest"), "examples": shown}
    response = {"schema": reference("InferenceResponse"), "example": examples.inference_response(model)}
    return Operation(
        summary="Raw pixels in, logits and scores out",
        tag=PROTOCOL,
        description="JSON, or JSON followed by binary tensors; compressed with gzip or deflate or not, both ways.",
        parameters=(
            {
                "name": _LENGTH,
                "in": "header",
                "schema": length,
                "description": "The bytes of the JSON where a binary tensor follows it, counted after decompression; "
                "0 where the body is nothing but raw pixels.",
            },
        ),
        body={_JSON: request, "application/octet-stream": {"schema": _BYTES}},
        answer={_JSON: response, "application/octet-stream": {"schema": _BYTES}},
        headers={_LENGTH: {"schema": length, "description": "Present where binary tensors follow the JSON."}},
        refuses=(429, 503),
    )


def _path_parameter(name: str, schema: dict[str, Any], example: object) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema, "example": example}
