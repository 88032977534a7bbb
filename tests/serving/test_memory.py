"""What a large picture takes is given back when it is answered."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx
import numpy as np
import psutil

StartServer = Callable[..., AbstractContextManager[Any]]
Encode = Callable[..., bytes]


def test_memory_of_a_large_picture_is_given_back(start_server: StartServer, encode: Encode) -> None:
    large = encode(np.random.default_rng(5).integers(0, 256, (50, 50, 3), np.uint8).repeat(140, 0).repeat(140, 1))
    with start_server() as server, httpx.Client(base_url=server.url, timeout=60) as client:

        def resident() -> float:
            assert client.post("/predict", files={"image": encode(server.golden.inputs[0])}).is_success
            return psutil.Process(server.process.pid).memory_info().rss / 2**20

        before = resident()
        for _ in range(3):
            assert client.post("/predict", files={"image": large}).is_success
        assert resident() < before + 40  # MiB; the pixels alone are 140
