"""LitServe: one worker; bodies as bytes, which its decoding takes by its type hint, spare it JSON."""

# Its packages are in an environment of its own, where mypy does not look.
# mypy: disable-error-code="import-not-found, misc"

import os
from typing import Annotated, Any

import litserve
import numpy as np
from fastapi import Body, Response
from numpy.typing import NDArray

from pipeline.bench.serving.apps.subject import open_subject

Content = Annotated[bytes, Body(media_type="application/octet-stream")]


class Tensor(litserve.LitAPI):
    """POST /tensor."""

    def setup(self, device: Any) -> None:  # noqa: ARG002 - LitServe's interface
        self.run = open_subject().tensor

    def decode_request(self, request: Content) -> bytes:
        return request

    def predict(self, x: bytes) -> NDArray[np.float32]:
        return self.run(x)

    def encode_response(self, output: NDArray[np.float32]) -> Response:
        return Response(output.tobytes(), media_type="application/octet-stream")


class Picture(Tensor):
    """POST /picture."""

    def setup(self, device: Any) -> None:  # noqa: ARG002
        self.run = open_subject().picture


def main() -> None:
    api = {"tensor": Tensor, "picture": Picture}[os.environ["BENCH_TASK"]]
    server = litserve.LitServer(api(api_path="/infer"), accelerator="cpu", workers_per_device=1)
    server.run(port=int(os.environ["PORT"]), num_api_servers=1, log_level="warning", generate_client_file=False)


if __name__ == "__main__":
    main()
