"""The BentoML service: our application in front of BentoML's own, which answers nothing itself.

`bentoml serve serving.bento:service` and a Bento's container start this, told by EDGEWISE_ARTIFACT and the other
variables of `serving.settings`. `edgewise serve` has the same application behind `serving.connection`: here BentoML
opens the connections, and slow heads, slow readers and idle clients are for the proxy in front to cut off; bodies have
their time limit, and HTTP that cannot be read is answered in plain text.
"""

import os

import bentoml

from serving.app import Application
from serving.http import ASGI
from serving.settings import Settings
from serving.state import State


class Edgewise:
    """A proven artefact over REST: POST /predict, and the Open Inference Protocol below /v2."""


# BentoML's typed interfaces are not used: they take URLs that are fetched and files that are written, rebuild a schema
# for each answer, and cost more than a small model does. Every answer comes from `Application`.
service = bentoml.Service(
    name="edgewise",
    inner=Edgewise,
    config={
        "workers": 1,  # a container has one; `edgewise serve --workers` starts its own
        "logging": {"access": {"enabled": False}},
        "metrics": {"enabled": False},  # /metrics is ours
        "tracing": {"excluded_urls": ".*"},
        "traffic": {"timeout": 30},  # above ours; BentoML keeps a timer for as long, also after the answer
    },
)
service.add_asgi_middleware(
    Application, open_state=lambda: State(Settings.from_environment(os.environ)), times_bodies=True
)


def make_app(state: State) -> ASGI:
    """For `serving.connection`: the service's application, with `Application` before what BentoML puts around it.

    Its tracing and its time limit cost each request a task and a timer that outlives the answer; `Application` keeps a
    time limit of its own.
    """
    app = service.to_asgi()
    app.user_middleware.clear()
    return Application(app, lambda: state, times_bodies=False)
