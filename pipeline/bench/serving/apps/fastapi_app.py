"""FastAPI with care: raw bodies, no models of pydantic on the way, and no change of thread for work this short."""

# Its packages are in an environment of its own, where mypy does not look.
# mypy: disable-error-code="import-not-found, untyped-decorator"

import os

import uvicorn
from fastapi import FastAPI, Request, Response

from pipeline.bench.serving.apps.subject import open_subject


def main() -> None:
    subject = open_subject()
    app = FastAPI()

    @app.post("/tensor")
    async def tensor(request: Request) -> Response:
        return Response(subject.tensor(await request.body()).tobytes(), media_type="application/octet-stream")

    @app.post("/picture")
    async def picture(request: Request) -> Response:
        return Response(subject.picture(await request.body()).tobytes(), media_type="application/octet-stream")

    @app.get("/ready")
    async def ready() -> str:
        return "ready"

    uvicorn.run(app, port=int(os.environ["PORT"]), loop="uvloop", http="httptools", access_log=False)


if __name__ == "__main__":
    main()
