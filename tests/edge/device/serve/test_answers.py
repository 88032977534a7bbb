"""What is answered: as the big service would, within bounds, and never with a 500."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edge.device.serve.loop import CONNECTIONS, QUEUE
from edge.device.slots import Root

StartDevice = Callable[..., AbstractContextManager[Any]]
MakeSlot = Callable[[Path, str, str], Path]
Eventually = Callable[..., bool]


@pytest.fixture(scope="module")
def device(start_device: StartDevice, make_slot: MakeSlot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server with version 1.0.0."""
    folder = tmp_path_factory.mktemp("edgewise")
    make_slot(folder, "a", "1.0.0")
    (folder / "current").symlink_to("slots/a")
    with start_device(folder, "--telemetry") as server:
        yield server


@pytest.fixture(scope="module")
def service(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The big service's URL, serving the same artefact."""
    log = tmp_path_factory.mktemp("service") / "log.txt"
    folder = shutil.copytree(artifact, log.parent / "artifact")
    command = [str(Path(sys.executable).parent / "edgewise"), "serve", str(folder), "--port", "0"]
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + 60
        while not (told := re.search(r"^serving .+ on (\S+)$", log.read_text(), re.MULTILINE)):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield told[1]
    finally:
        process.terminate()
        process.wait(60)


def encode(pixels: Any, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


NOISE = np.random.default_rng(3).integers(0, 256, (40, 30, 3), np.uint8)
PNG = encode(NOISE)
HEADERS = {"content-type": "image/png"}

REQUESTS: dict[str, Callable[[httpx.Client], httpx.Response]] = {
    "png": lambda client: client.post("/predict", content=PNG, headers=HEADERS),
    "jpeg": lambda client: client.post(
        "/predict", content=encode(NOISE, "JPEG"), headers={"content-type": "image/jpeg"}
    ),
    "webp": lambda client: client.post(
        "/predict", content=encode(NOISE, "WEBP"), headers={"content-type": "image/webp"}
    ),
    "bmp": lambda client: client.post("/predict", content=encode(NOISE, "BMP"), headers={"content-type": "image/bmp"}),
    "gif": lambda client: client.post("/predict", content=encode(NOISE, "GIF"), headers=HEADERS),
    "chunks": lambda client: client.post("/predict", content=iter([PNG[:100], PNG[100:]]), headers=HEADERS),
    "form": lambda client: client.post("/predict", files={"image": PNG}),
    "form of two": lambda client: client.post("/predict", files=[("image", PNG), ("image", encode(NOISE[:20]))]),
    "form of 17": lambda client: client.post("/predict", files=[("image", PNG)] * 17),
    "form with another field": lambda client: client.post("/predict", files={"file": PNG}),
    "top": lambda client: client.post("/predict?top=1", content=PNG, headers=HEADERS),
    "top of all": lambda client: client.post("/predict?top=3", content=PNG, headers=HEADERS),
    "top of too many": lambda client: client.post("/predict?top=4", content=PNG, headers=HEADERS),
    "top of nothing": lambda client: client.post("/predict?top=", content=PNG, headers=HEADERS),
    "top twice": lambda client: client.post("/predict?top=1&top=2", content=PNG, headers=HEADERS),
    "unknown query": lambda client: client.post("/predict?up=1", content=PNG, headers=HEADERS),
    "no picture": lambda client: client.post("/predict", content=b"no picture", headers=HEADERS),
    "half a picture": lambda client: client.post("/predict", content=PNG[: len(PNG) // 2], headers=HEADERS),
    "one pixel": lambda client: client.post("/predict", content=encode(NOISE[:1, :1]), headers=HEADERS),
    "empty": lambda client: client.post("/predict", content=b"", headers=HEADERS),
    "text": lambda client: client.post("/predict", content=b"x", headers={"content-type": "text/plain"}),
    "nothing said": lambda client: client.post("/predict", content=b"x"),
    "jpg": lambda client: client.post("/predict", content=PNG, headers={"content-type": "image/jpg"}),
    "get": lambda client: client.get("/predict"),
    "live": lambda client: client.get("/livez"),
    "ready by post": lambda client: client.post("/readyz"),
    "nowhere": lambda client: client.get("/nowhere"),
    "too long": lambda client: client.post("/predict", content=bytes(10 * 2**20 + 1), headers=HEADERS),
}


def comparable(body: Any) -> Any:
    """An answer without what is different each time, and what names the place."""
    if isinstance(body, list):
        return [comparable(each) for each in body]
    body = dict(body)
    if "latency_ms" in body:
        assert body["latency_ms"].pop("total") > 0
        body["latency_ms"] = sorted(body["latency_ms"])
        body["model"] = {**body["model"], "version": ""}
    if "error" in body:
        body["error"] = body["error"].replace("/docs.json", "/")
    return body


@pytest.mark.parametrize("name", REQUESTS)
def test_answers_are_those_of_the_service(name: str, device: Any, service: str) -> None:
    answers = []
    for url in (f"http://127.0.0.1:{device.port}", service):
        with httpx.Client(base_url=url, timeout=30) as client:
            answers.append(REQUESTS[name](client))
    here, there = answers
    assert here.status_code == there.status_code
    assert here.headers["content-type"] == there.headers["content-type"]
    assert here.headers.get("allow") == there.headers.get("allow")
    if here.headers["content-type"] == "application/json":
        assert comparable(here.json()) == comparable(there.json())
    else:
        assert here.text == there.text


def test_ready_tells_what_is_served(device: Any) -> None:
    expected = {"name": "tiny", "version": "1.0.0", "runtime": "litert", "slot": "a", "fallback": []}
    assert device.ask("GET", "/readyz") == (200, {"ready": True, **expected})
    status, body = device.ask("GET", "/")
    assert status == 200
    assert expected.items() <= body.items()


def test_head_gets_the_headers_alone(device: Any) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{device.port}") as client:
        head, get = client.head("/readyz"), client.get("/readyz")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"] == str(len(get.content))


def test_compressed_body_is_refused_with_what_is_expected(device: Any) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{device.port}") as client:
        answer = client.post("/predict", content=PNG, headers={**HEADERS, "content-encoding": "gzip"})
    assert (answer.status_code, "expected none" in answer.json()["error"]) == (415, True)


def test_pipelined_requests_are_answered_in_order(device: Any, picture: bytes) -> None:
    post = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {len(picture)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", device.port)) as client:
        client.sendall(
            (post.encode() + picture + b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n") * 5
            + b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        stream = b"".join(iter(lambda: client.recv(65536), b""))
    assert re.findall(rb"HTTP/1.1 (\d+)", stream) == [b"200"] * 10 + [b"404"]
    assert stream.count(b"alive\n") == stream.count(b'"label"') // 4 == 5


def test_client_that_waits_is_told_to_continue(device: Any, picture: bytes) -> None:
    with socket.create_connection(("127.0.0.1", device.port)) as client:
        client.sendall(
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nExpect: 100-continue\r\n"
            b"Content-Length: %d\r\n\r\n" % len(picture)
        )
        assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(picture)
        assert client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


def test_overload_is_told_when_to_come_again(device: Any) -> None:
    large = encode(np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), np.uint8), "JPEG")
    statuses: list[tuple[int, str | None]] = []

    def ask() -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{device.port}", timeout=60) as client:
            answer = client.post("/predict", content=large, headers={"content-type": "image/jpeg"})
            statuses.append((answer.status_code, answer.headers.get("retry-after")))

    threads = [threading.Thread(target=ask) for _ in range(4 * QUEUE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) == {(200, None), (429, "1")}
    assert device.ask("GET", "/livez")[0] == 200


def test_pixels_are_bounded_before_they_are_decoded(device: Any) -> None:
    large = encode(np.zeros((6000, 6000), np.uint8))
    status, body = device.ask("POST", "/predict", large)
    assert (status, "at most 25,000,000 are decoded" in body["error"]) == (400, True)


def test_idle_connections_beyond_the_bound_give_way(device: Any, picture: bytes) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(CONNECTIONS + 20):
            stack.enter_context(socket.create_connection(("127.0.0.1", device.port)))
        assert device.ask("POST", "/predict", picture)[0] == 200


IMPATIENT_RUNNER = """
import sys
from edge.device import __main__
from edge.device.serve import connection

connection.HEAD_SECONDS = connection.BODY_SECONDS = 2.0
sys.exit(__main__.main())
"""


def test_slow_clients_hold_nobody_up_and_are_cut_off(
    start_device: StartDevice, installed: Root, picture: bytes
) -> None:
    (installed.slots / "a" / "edgewise-device.pyz").write_text(IMPATIENT_RUNNER)
    with start_device(installed.path) as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(50)]
        for at, client in enumerate(clients):
            client.sendall(
                b"POST /predict HTTP/1.1\r\nHost: x\r\n" + (b"Content-Length: 9\r\n\r\nabc" if at % 2 else b"")
            )
        assert server.ask("POST", "/predict", picture)[0] == 200
        for at, client in enumerate(clients):
            client.settimeout(30)
            assert client.recv(65536).startswith(b"HTTP/1.1 408 " if at % 2 else b"")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"GET / HTTP/1.1\r\nHost: x\r\n", b"POST /predict HTTP/1.1\r\n", b""]))
def test_any_bytes_get_no_500(device: Any, data: bytes, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", device.port)) as client:
        client.sendall(head + data + b"\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        client.settimeout(30)
        with contextlib.suppress(ConnectionResetError):
            answer = b"".join(iter(lambda: client.recv(65536), b""))
            assert not re.search(rb"^HTTP/1.1 500", answer)
    assert device.ask("GET", "/livez")[0] == 200


def test_memory_does_not_grow_with_requests(device: Any, picture: bytes) -> None:
    (worker,) = device.workers
    with httpx.Client(base_url=f"http://127.0.0.1:{device.port}") as client:
        sizes = []
        for _ in range(4):
            for _ in range(250):
                assert client.post("/predict", content=picture, headers=HEADERS).status_code == 200
            sizes.append(resident(worker))
    assert sizes[-1] - sizes[0] < 2 * 2**20


def test_telemetry_is_written_when_the_server_ends(start_device: StartDevice, installed: Root, picture: bytes) -> None:
    with start_device(installed.path, "--telemetry") as server:
        for _ in range(3):
            status, body = server.ask("POST", "/predict", picture)
            assert status == 200
    told = json.loads((installed.telemetry / "tiny-1.0.0.json").read_text())
    (day,) = told["days"].values()
    assert (day["labels"], sum(day["confidence"])) == ({body["label"]: 3}, 3)


def test_no_telemetry_is_kept_unless_asked_for(start_device: StartDevice, installed: Root, picture: bytes) -> None:
    with start_device(installed.path) as server:
        assert server.ask("POST", "/predict", picture)[0] == 200
    assert not installed.telemetry.exists()


def resident(process: int) -> int:
    with Path(f"/proc/{process}/statm").open() as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


RUNNER_WITHOUT_PILLOW = """
import sys
sys.modules["PIL"] = None
from edge.device import __main__
sys.exit(__main__.main())
"""


def test_device_without_pillow_says_what_is_missing(start_device: StartDevice, installed: Root, picture: bytes) -> None:
    (installed.slots / "a" / "edgewise-device.pyz").write_text(RUNNER_WITHOUT_PILLOW)
    with start_device(installed.path) as server:
        status, body = server.ask("POST", "/predict", picture)
        assert (status, "pip install pillow" in body["error"]) == (503, True)
        assert server.ask("GET", "/readyz")[0] == 200
