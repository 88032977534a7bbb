"""The answer to an inference: its outputs as JSON, or as bytes behind it."""

from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from serving.http import Response, as_json
from serving.model import Model
from serving.protocol_v2.metadata import SCORES
from serving.protocol_v2.request import LENGTH_HEADER, Inference, Wanted
from serving.protocol_v2.tensors import bytes_tensor

_BINARY = b"application/octet-stream"


def encode(model: Model, inference: Inference, logits: NDArray[np.float32]) -> Response:
    """The wanted outputs of `logits`, float32 [n, labels]: themselves, or the scores that they make."""
    tail: list[bytes] = []
    output = model.contract.output
    outputs = [
        _encode_output(wanted, output.scores(logits) if wanted.name == SCORES else logits, output.labels, tail)
        for wanted in inference.outputs
    ]
    body: dict[str, Any] = {"model_name": model.name, "model_version": model.version}
    if inference.id is not None:
        body["id"] = inference.id
    body["outputs"] = outputs
    if not tail:
        return as_json(body)
    head = orjson.dumps(body)
    return Response(
        body=b"".join((head, *tail)),
        media_type=_BINARY,
        headers=((LENGTH_HEADER, str(len(head)).encode()),),
    )


def _encode_output(
    wanted: Wanted, values: NDArray[np.float32], labels: tuple[str, ...], tail: list[bytes]
) -> dict[str, Any]:
    """The JSON of one output; its bytes, where they are wanted, are appended to `tail`."""
    output: dict[str, Any]
    if wanted.classes:
        texts = classify(values, wanted.classes, labels)
        output = {"name": wanted.name, "datatype": "BYTES", "shape": [len(values), wanted.classes]}
        if not wanted.binary:
            return {**output, "data": texts}
        content = bytes_tensor(texts)
    else:
        output = {"name": wanted.name, "datatype": "FP32", "shape": list(values.shape)}
        if not wanted.binary:
            return {**output, "data": values.ravel()}
        content = values.astype("<f4", copy=False).tobytes()  # the protocol is little-endian
    tail.append(content)
    output["parameters"] = {"binary_data_size": len(content)}
    return output


def classify(values: NDArray[np.float32], classes: int, labels: tuple[str, ...]) -> list[str]:
    """The highest `classes` of each row of `values`, float32 [n, labels], as "value:index:label", row after row.

    Of equal values the first label comes first. A value has the fewest digits that tell it from its neighbours.
    """
    best = np.argsort(-values, axis=1, kind="stable")[:, :classes]
    return [f"{row[index]}:{index}:{labels[index]}" for row, order in zip(values, best, strict=True) for index in order]
