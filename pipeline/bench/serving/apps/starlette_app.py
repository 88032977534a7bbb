"""The least that a server of the two tasks can be: Starlette's routing and nothing else, under the same uvicorn."""

import os
from collections.abc import Mapping

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipeline.bench.serving.apps.subject import open_subject


def main() -> None:
    subject = open_subject()

    async def infer(request: Request) -> Response:
        body = await request.body()
        length = int(request.headers["inference-header-content-length"])
        tensor = orjson.loads(body[:length])["inputs"][0]
        logits = subject.tensor(body[length : length + tensor["parameters"]["binary_data_size"]])
        content = logits.tobytes()
        output = {
            "name": "logits",
            "datatype": "FP32",
            "shape": list(logits.shape),
            "parameters": {"binary_data_size": len(content)},
        }
        head = orjson.dumps({"model_name": request.path_params["model"], "outputs": [output]})
        headers: Mapping[str, str] = {"inference-header-content-length": str(len(head))}
        return Response(head + content, media_type="application/octet-stream", headers=headers)

    async def predict(request: Request) -> Response:
        logits = subject.picture(await request.body())
        return Response(orjson.dumps({"logits": logits[0].tolist()}), media_type="application/json")

    async def ready(_: Request) -> Response:
        return Response(b"ready")

    app = Starlette(
        routes=[
            Route("/v2/models/{model}/infer", infer, methods=["POST"]),
            Route("/predict", predict, methods=["POST"]),
            Route("/readyz", ready),
        ]
    )
    uvicorn.run(
        app,
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
    )


if __name__ == "__main__":
    main()
