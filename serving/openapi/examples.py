"""Requests and answers as they really are: the first golden picture, and what was proven to come for it."""

from typing import Any

from serving.card import identity
from serving.model import Model
from serving.protocol_v2.metadata import SCORES

_READABLE = 1024  # numbers; with more of them an example is no longer looked at


def prediction(model: Model) -> dict[str, Any]:
    """The answer to /predict?top=3."""
    logits, labels = model.golden.outputs[0], model.contract.output.labels
    scores = model.contract.output.scores(logits)
    best = [{"label": labels[index], "score": float(scores[index])} for index in (-logits).argsort(kind="stable")[:3]]
    infer = round(1000 * model.seconds, 4)
    return {
        "label": best[0]["label"],
        "confidence": best[0]["score"],
        "scores": best,
        "model": identity(model),
        "latency_ms": {"decode": 0.2, "resize": 0.1, "infer": infer, "total": round(0.3 + infer, 4)},
    }


def inference_requests(model: Model) -> dict[str, Any]:
    """The golden picture as JSON, where it is small enough to be read."""
    picture = model.golden.inputs[:1]
    if picture.size > _READABLE:
        return {}
    source = {"name": model.contract.input.name, "datatype": "UINT8", "shape": list(picture.shape)}
    flat = {"inputs": [{**source, "data": picture.ravel().tolist()}]}
    nested = {"id": "1", "inputs": [{**source, "data": picture.tolist()}]}
    top = {"name": SCORES, "parameters": {"classification": 1}}
    return {
        "flat": {"summary": "One picture, all outputs", "value": flat},
        "nested": {"summary": "Nested numbers, the best label alone", "value": {**nested, "outputs": [top]}},
    }


def inference_response(model: Model) -> dict[str, Any]:
    logits = model.golden.outputs[:1]
    outputs = ((model.contract.output.name, logits), (SCORES, model.contract.output.scores(logits)))
    return {
        "model_name": model.name,
        "model_version": model.version,
        "outputs": [
            {"name": name, "datatype": "FP32", "shape": list(values.shape), "data": values.ravel().tolist()}
            for name, values in outputs
        ],
    }
