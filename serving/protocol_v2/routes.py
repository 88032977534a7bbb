"""What is served below /v2: one table, by path template."""

from functools import lru_cache
from typing import NoReturn

from edge.device.errors import Refused
from serving.http import Request
from serving.protocol_v2 import metadata
from serving.protocol_v2.infer import infer
from serving.route import Route
from serving.state import State

_VERBS = {
    "": Route(name="/v2/models/{model}", handlers={"GET": metadata.of_model}),
    "/ready": Route(name="/v2/models/{model}/ready", handlers={"GET": metadata.model_ready}, guarded=False),
    "/infer": Route(name="/v2/models/{model}/infer", handlers={"POST": infer}, queued=True),
}

ROUTES: dict[str, Route] = {
    "/v2": Route(name="/v2", handlers={"GET": metadata.of_server}),
    # Probes bring no key.
    "/v2/health/live": Route(name="/v2/health/live", handlers={"GET": metadata.live}, guarded=False),
    "/v2/health/ready": Route(name="/v2/health/ready", handlers={"GET": metadata.ready}, guarded=False),
    **{f"/v2/models/{{model}}{verb}": route for verb, route in _VERBS.items()},
    **{f"/v2/models/{{model}}/versions/{{version}}{verb}": route for verb, route in _VERBS.items()},
}


async def _refuse(request: Request, _: State) -> NoReturn:
    raise Refused(
        404,
        f"{request.path}: not served; see /docs.json. Configuration, statistics, repository, shared memory, trace and "
        "logging are extensions of Triton's own: counters are at /metrics here, the model is described at /model.json",
    )


_UNKNOWN = Route(name="unknown", handlers={"GET": _refuse, "POST": _refuse})


@lru_cache(maxsize=64)
def find_route(path: str) -> Route:
    """The route of a path below /v2; one that says what there is where nothing is served."""
    steps = path.removesuffix("/").split("/")  # "", "v2", "models", name, "versions", version, verb
    if len(steps) > 3 and steps[2] == "models":
        steps[3] = "{model}"
        if len(steps) > 5 and steps[4] == "versions":
            steps[5] = "{version}"
    return ROUTES.get("/".join(steps), _UNKNOWN)
