"""The servers that are compared: how each is started, what it is asked, and how its answer is read."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.bench.environments import make_environment
from pipeline.bench.serving import answers, requests
from pipeline.bench.serving.answers import Floats
from pipeline.bench.serving.artefacts import edgewise
from pipeline.bench.serving.connection import Answer
from pipeline.bench.serving.server import free_port
from pipeline.bench.serving.tasks import Task
from serving.settings import RUNTIMES

_APPS = "pipeline.bench.serving.apps"
_LOCKS = Path(__file__).parent / "requirements"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """`command` is given a task, a port and a folder for its files. `read` makes of an answer what `expect` makes of
    the task's logits, as float32."""

    command: Callable[[Task, int, Path], Sequence[str]]
    ready_path: str
    requests: Mapping[str, Callable[[Task], bytes]]
    read: Callable[[Answer, Task], Floats]
    expect: Callable[[Task], Floats] = lambda task: task.logits
    environment: Mapping[str, str] = field(default_factory=dict)


def _edgewise(task: Task, port: int, _: Path) -> list[str]:
    runtime = next(name for name, long in RUNTIMES.items() if long == task.model.runtime)
    return [edgewise(), "serve", str(task.model.folder), "--port", str(port), "--workers", "1", "--runtime", runtime]


def _app(name: str, python: Callable[[], str]) -> Callable[[Task, int, Path], list[str]]:
    return lambda _, __, ___: [python(), "-m", f"{_APPS}.{name}"]


def _peer(name: str) -> Callable[[], str]:
    return lambda: str(make_environment(_LOCKS / f"{name}.lock") / "python")


def _mlserver(_: Task, port: int, folder: Path) -> list[str]:
    """One process: its own parallel workers would cost it a change of process for each request."""
    ports = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
    settings = {"debug": False, "parallel_workers": 0, "host": "127.0.0.1", "use_structured_logging": False, **ports}
    (folder / "settings.json").write_text(json.dumps(settings))
    model = {"name": "model", "implementation": f"{_APPS}.mlserver_model.Classifier"}
    (folder / "model-settings.json").write_text(json.dumps(model))
    return [str(make_environment(_LOCKS / "mlserver.lock") / "mlserver"), "start", str(folder)]


def _bentoml(_: Task, port: int, __: Path) -> list[str]:
    program = str(Path(sys.executable).parent / "bentoml")
    return [program, "serve", f"{_APPS}.bentoml_app:Classifier", "--host", "127.0.0.1", "--port", str(port)]


EDGEWISE = Candidate(
    command=_edgewise,
    ready_path="/readyz",
    requests={"tensor": requests.binary_request, "picture": requests.jpeg_request},
    read=answers.read_scores,
    expect=answers.expect_scores,
)

STARLETTE = Candidate(
    command=_app("starlette_app", lambda: sys.executable),
    ready_path="/readyz",
    requests={"tensor": requests.binary_request, "picture": requests.jpeg_request},
    read=answers.read_plain,
)

PEERS = {
    "LitServe": Candidate(
        command=_app("litserve_app", _peer("litserve")),
        ready_path="/health",
        requests={"tensor": requests.bytes_request("/infer"), "picture": requests.bytes_request("/infer")},
        read=answers.read_bytes,
    ),
    "MLServer": Candidate(
        command=_mlserver,
        ready_path="/v2/models/model/ready",
        requests={"tensor": requests.json_tensor, "picture": requests.json_picture},
        read=answers.read_v2,
    ),
    "FastAPI": Candidate(
        command=_app("fastapi_app", _peer("fastapi")),
        ready_path="/ready",
        requests={"tensor": requests.bytes_request("/tensor"), "picture": requests.bytes_request("/picture")},
        read=answers.read_bytes,
    ),
    "BentoML": Candidate(
        command=_bentoml,
        ready_path="/readyz",
        requests={"tensor": requests.nested_tensor, "picture": requests.form_picture},
        read=answers.read_nested,
        environment={"BENTOML_DO_NOT_TRACK": "True"},
    ),
}
