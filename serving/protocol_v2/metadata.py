"""Who serves which model: health, and metadata of the server and of its model."""

from typing import Any

from edge.device.errors import Refused
from serving.http import Request, Response, as_json
from serving.model import Model
from serving.state import State

# Of pyproject.toml. A Bento holds the files, not the installed distribution whose metadata would tell.
SERVER_VERSION = "0.1.0"
EXTENSIONS = ("binary_tensor_data", "classification")
SCORES = "scores"  # the output beside the contract's own: what Output.scores makes of it

# Triton's names of platforms, where it has one.
_PLATFORMS = {"litert": "tensorflow_lite", "onnxruntime": "onnxruntime_onnx", "openvino": "openvino"}


async def live(_: Request, __: State) -> Response:
    return as_json({"live": True})


async def ready(_: Request, __: State) -> Response:
    """A worker answers only after its model has matched the golden vectors.

    The specification calls the field "live" here as well, most servers say "ready".
    """
    return as_json({"live": True, "ready": True})


async def of_server(_: Request, __: State) -> Response:
    return as_json({"name": "edgewise", "version": SERVER_VERSION, "extensions": EXTENSIONS})


async def of_model(request: Request, state: State) -> Response:
    """Names, datatypes and shapes of the model's tensors; raises Refused 404 for another model or version."""
    model = state.model
    check_served(request.path, model)
    return as_json(describe(model))


async def model_ready(request: Request, state: State) -> Response:
    check_served(request.path, state.model)
    return as_json({"name": state.model.name, "ready": True})


def describe(model: Model) -> dict[str, Any]:
    """The protocol's model metadata. Pictures are NHWC here, whatever the layout of the model's file."""
    source, result = model.contract.input, model.contract.output
    shape = [-1, len(result.labels)]
    return {
        "name": model.name,
        "versions": [model.version],
        "platform": _PLATFORMS.get(model.runtime, model.runtime),
        "inputs": [{"name": source.name, "datatype": "UINT8", "shape": [-1, *source.picture]}],
        "outputs": [{"name": name, "datatype": "FP32", "shape": shape} for name in (result.name, SCORES)],
    }


def check_served(path: str, model: Model) -> None:
    """Raise Refused 404 unless `path`, /v2/models/{model}[/versions/{version}]..., names the model that is served."""
    steps = path.split("/")
    if steps[3] != model.name:
        raise Refused(404, f"model {steps[3][:64]!r}: not served; expected {model.name!r}")
    if steps[4:5] == ["versions"] and steps[5] != model.version:
        raise Refused(
            404,
            f"model {model.name!r}, version {steps[5][:64]!r}: not served; expected version {model.version!r}, "
            "or a path without a version",
        )
