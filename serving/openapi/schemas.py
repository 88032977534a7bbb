"""The JSON that goes in and comes out, as JSON Schemas with the labels and sizes of the model that is served."""

from typing import Any

from serving.model import Model
from serving.protocol_v2.metadata import EXTENSIONS, SCORES
from serving.protocol_v2.request import MOST_PICTURES
from serving.settings import Settings

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_FREE: Schema = {"type": "object", "description": "Of the client's own choice; those not named here change nothing."}


def schemas(model: Model, settings: Settings) -> dict[str, Schema]:
    """Every named schema of the document."""
    return {
        "Error": _object(error={**_TEXT, "description": "What came, what was expected, and what to do next."}),
        "Model": _object(
            name={"const": model.name},
            version={**_TEXT, "description": "The first digits of sha256: another file is another version."},
            sha256={**_TEXT, "pattern": "^[0-9a-f]{64}$"},
        ),
        **_prediction(model, settings),
        "Card": _card(model),
        "Reloaded": _object(
            reloaded={"type": "boolean"}, model=reference("Model"), other_workers={"enum": ["told", "none"]}
        ),
        "Live": _object(live={"const": True}),
        "Ready": _object(live={"const": True}, ready={"const": True}),
        "ModelReady": _object(name={"const": model.name}, ready={"const": True}),
        "ServerMetadata": _object(name=_TEXT, version=_TEXT, extensions=_list({"enum": list(EXTENSIONS)})),
        "ModelMetadata": _object(
            name={"const": model.name},
            versions=_list(_TEXT),
            platform=_TEXT,
            inputs=_list(reference("TensorMetadata")),
            outputs=_list(reference("TensorMetadata")),
        ),
        "TensorMetadata": _object(name=_TEXT, datatype=_TEXT, shape=_list({"type": "integer"})),
        **_inference(model),
    }


def reference(name: str) -> Schema:
    """A named schema, to be used in another."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(_optional: dict[str, Schema] | None = None, **required: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": {**required, **(_optional or {})}}


def _list(items: Schema, least: int = 0, most: int | None = None) -> Schema:
    bounds = {"minItems": least, "maxItems": most}
    return {"type": "array", "items": items, **{name: value for name, value in bounds.items() if value}}


def _prediction(model: Model, settings: Settings) -> dict[str, Schema]:
    label: Schema = {"enum": list(model.contract.output.labels)}
    share: Schema = {"type": "number", "minimum": 0, "maximum": 1}
    labels = len(model.contract.output.labels)
    return {
        "Prediction": _object(
            label=label,
            confidence=share,
            scores={**_list(_object(label=label, score=share), 1, labels), "description": "The highest first."},
            model=reference("Model"),
            latency_ms=_object(decode=_NUMBER, resize=_NUMBER, infer=_NUMBER, total=_NUMBER),
        ),
        "Predictions": {
            "description": "One prediction for one picture, a list for several.",
            "oneOf": [reference("Prediction"), _list(reference("Prediction"), 2, max(2, settings.images))],
        },
    }


def _card(model: Model) -> Schema:
    figures: dict[str, Schema] = {name: {} for name in ("top1", "top1_interval", "drop", "agreement", "samples")}
    return _object(
        model=reference("Model"),
        target=_TEXT,
        precision=_TEXT,
        runtime=_TEXT,
        file=_TEXT,
        bytes=_COUNT,
        infer_ms=_NUMBER,
        input=_object(height=_COUNT, width=_COUNT, colour={"enum": ["RGB", "GREY"]}, resize=_TEXT),
        labels={"const": list(model.contract.output.labels)},
        temperature={**_NUMBER, "description": "What logits are divided by before they become scores."},
        figures={
            "type": ["object", "null"],
            "properties": figures,
            "description": "What the artefact was proven with.",
        },
        examples={**_list(_TEXT), "description": "Paths of the golden pictures."},
        limits=_object(bytes=_COUNT, pixels=_COUNT, images=_COUNT),
        key_needed={"type": "boolean"},
    )


def _inference(model: Model) -> dict[str, Schema]:
    """The protocol's inference request and response."""
    contract = model.contract
    labels = len(contract.output.labels)
    name: Schema = {"enum": [contract.output.name, SCORES]}
    binary: Schema = {"type": "boolean", "default": False}
    wanted = {
        "binary_data": {**binary, "description": "As bytes behind the JSON; goes before binary_data_output."},
        "classification": {
            "type": "integer",
            "minimum": 1,
            "maximum": labels,
            "description": 'As this many texts "value:index:label", the highest first, of datatype BYTES.',
        },
    }
    output = _object({"parameters": {**_FREE, "properties": wanted}}, name=name)
    sizes = {"binary_data_size": _COUNT}
    returned = _object(
        {"parameters": {"type": "object", "properties": sizes}, "data": _list({"type": ["number", "string", "null"]})},
        name=name,
        datatype={"enum": ["FP32", "BYTES"]},
        shape=_list(_COUNT, 2, 2),
    )
    return {
        "InferenceRequest": _object(
            {
                "id": {**_TEXT, "description": "Comes back in the answer."},
                "outputs": {**_list(output, 0, 2), "description": "Those to return; all where there are none."},
                "parameters": {**_FREE, "properties": {"binary_data_output": binary}},
            },
            inputs=_list(_input(model), 1, 1),
        ),
        "InferenceResponse": _object(
            {"id": _TEXT}, model_name={"const": model.name}, model_version=_TEXT, outputs=_list(returned, 1, 2)
        ),
    }


def _input(model: Model) -> Schema:
    picture = model.contract.input.picture
    height, width, channels = picture
    byte: Schema = {"type": "integer", "minimum": 0, "maximum": 255}
    batch: Schema = {"type": "integer", "minimum": 1, "maximum": MOST_PICTURES}
    nested = byte
    for side in (channels, width, height):
        nested = _list(nested, side, side)
    size = height * width * channels
    sides = [batch, *({"const": side} for side in picture)]
    return _object(
        {
            "data": {
                "description": "Raw pixels, row after row, flat or nested as the shape; not where they come as bytes.",
                "oneOf": [_list(byte, size, size * MOST_PICTURES), _list(nested, 1, MOST_PICTURES)],
            },
            "parameters": {**_FREE, "properties": {"binary_data_size": {**_COUNT, "maximum": size * MOST_PICTURES}}},
        },
        name={"const": model.contract.input.name},
        datatype={"const": "UINT8"},
        shape={"type": "array", "prefixItems": sides, "minItems": len(sides), "maxItems": len(sides)},
    )
