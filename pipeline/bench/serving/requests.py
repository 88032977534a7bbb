"""What each server is asked, in the form that its own documentation or protocol has for it."""

import base64
from collections.abc import Callable

import numpy as np
import orjson

from pipeline.bench.serving.connection import encode
from pipeline.bench.serving.tasks import Task

_BYTES = {"Content-Type": "application/octet-stream"}
_JSON = {"Content-Type": "application/json"}
_LENGTH = "Inference-Header-Content-Length"


def binary_request(task: Task) -> bytes:
    """The Open Inference Protocol with Triton's binary tensor extension."""
    shape = list(task.model.contract.input.shape)
    size = {"binary_data_size": len(task.content)}
    head = orjson.dumps(
        {
            "inputs": [{"name": "image", "shape": shape, "datatype": "UINT8", "parameters": size}],
            "outputs": [{"name": "logits", "parameters": {"binary_data": True}}],
        }
    )
    headers = {**_BYTES, _LENGTH: str(len(head))}
    return encode("POST", f"/v2/models/{task.model.name}/infer", headers, head + task.content)


def jpeg_request(task: Task) -> bytes:
    return encode("POST", "/predict", {"Content-Type": "image/jpeg"}, task.content)


def bytes_request(path: str) -> Callable[[Task], bytes]:
    return lambda task: encode("POST", path, _BYTES, task.content)


def json_tensor(task: Task) -> bytes:
    """The Open Inference Protocol as it is without extensions."""
    shape = list(task.model.contract.input.shape)
    tensor = {"name": "image", "shape": shape, "datatype": "UINT8", "data": list(task.content)}
    return encode("POST", "/v2/models/model/infer", _JSON, orjson.dumps({"inputs": [tensor]}))


def json_picture(task: Task) -> bytes:
    text = base64.b64encode(task.content).decode()
    parameters = {"content_type": "base64"}
    tensor = {"name": "image", "shape": [1, 1], "datatype": "BYTES", "parameters": parameters, "data": [text]}
    return encode("POST", "/v2/models/model/infer", _JSON, orjson.dumps({"inputs": [tensor]}))


def nested_tensor(task: Task) -> bytes:
    pixels = np.frombuffer(task.content, np.uint8).reshape(task.model.contract.input.shape)
    return encode("POST", "/tensor", _JSON, orjson.dumps({"pixels": pixels.tolist()}))


def form_picture(task: Task) -> bytes:
    boundary = "d9ab3c1f5e"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n'
    body = f"{head}Content-Type: image/jpeg\r\n\r\n".encode() + task.content + f"\r\n--{boundary}--\r\n".encode()
    return encode("POST", "/picture", {"Content-Type": f"multipart/form-data; boundary={boundary}"}, body)
