"""The application: what it holds in memory, what it tells other sites, what it says of its own faults."""

import contextlib
import http.client
import json
import logging
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
import uvicorn

from serving.app import Application
from serving.http import Receive, Scope, Send
from serving.route import Route
from serving.routes import ROUTES
from serving.settings import Settings
from serving.state import State

Encode = Callable[..., bytes]
StartServer = Callable[..., AbstractContextManager[Any]]

POST = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
MIB = 2**20


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """What stands behind the application, and is asked nothing here."""


@pytest.fixture
def plain(finished_run: Path) -> Iterator[tuple[str, int]]:
    """Address of the application behind uvicorn's own connections, as BentoML serves it; half a second for bodies."""
    settings = Settings(artifact=finished_run / "export" / "cpu", seconds=0.5)
    app = Application(nothing, lambda: State(settings), times_bodies=True)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    yield listener.getsockname()
    server.should_exit = True
    thread.join()
    listener.close()


def test_server_without_connections_of_its_own_gives_a_body_its_time(plain: tuple[str, int]) -> None:
    with socket.create_connection(plain, timeout=20) as client:
        client.sendall(POST % 1000 + b"ab")
        answer = b""
        while part := client.recv(65536):  # until the server closes
            answer += part
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"not whole after 0.5 s" in answer


def test_fault_is_answered_as_json_logged_with_its_request_id_and_counted(
    plain: tuple[str, int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object) -> NoReturn:
        raise ZeroDivisionError("of the test")

    monkeypatch.setitem(ROUTES, "/fault", Route(name="fault", handlers={"GET": fail}))
    url = f"http://{plain[0]}:{plain[1]}"
    with httpx.Client(base_url=url) as client:
        answer = client.get("/fault", headers={"x-request-id": "order-66"})
        assert answer.status_code == 500
        assert answer.headers["x-request-id"] == "order-66"
        assert answer.json() == {"error": "internal error; the log has it under request id order-66"}
        made_up = client.get("/fault")
        assert made_up.headers["x-request-id"] in made_up.json()["error"]
        assert 'edgewise_requests_total{route="fault",status="500"} 2.0' in client.get("/metrics").text
    first = next(record for record in caplog.records if record.levelno == logging.ERROR)
    assert "order-66" in first.getMessage()
    assert first.exc_info
    assert isinstance(first.exc_info[1], ZeroDivisionError)


def test_memory_is_bounded_by_the_queue_not_by_the_clients(start_server: StartServer) -> None:
    def resident() -> int:
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) // 1024

    sent = 3 * MIB
    with start_server("--queue", 2, "--body-bytes", 4 * MIB) as server, contextlib.ExitStack() as stack:
        before = resident()
        clients = [stack.enter_context(socket.create_connection(server.address, timeout=20)) for _ in range(40)]
        for client in clients:
            client.sendall(POST % (sent + 1))
            client.sendall(bytes(sent))
        time.sleep(1)
        # At most 8 MiB of bodies, and what uvicorn and the kernel hand over at a time for each of the clients.
        assert resident() - before < 60
        refused = 0
        for client in clients:
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                answer = client.recv(65536)
                assert answer.startswith(b"HTTP/1.1 429")
                assert b"retry-after: 1\r\n" in answer
                refused += 1
        assert 38 <= refused < 40


def test_other_sites_may_send_and_read_what_the_interface_has(start_server: StartServer) -> None:
    asking = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    with start_server("--allow-origin", "https://shop.example") as server:
        preflight = httpx.options(f"{server.url}/predict", headers=asking)
        answer = httpx.get(f"{server.url}/livez", headers=asking)
    allowed = preflight.headers["access-control-allow-headers"].split(", ")
    assert {"content-encoding", "content-type", "inference-header-content-length", "x-api-key"} <= set(allowed)
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert set(exposed) == {"inference-header-content-length", "retry-after", "x-request-id"}
    assert preflight.status_code == 204
    assert not {"content-length", "content-type", "transfer-encoding"} & set(preflight.headers)


def test_overload_turns_requests_away_on_connections_that_go_on(start_server: StartServer, encode: Encode) -> None:
    with start_server("--queue", 1) as server, contextlib.ExitStack() as stack:
        picture = encode(server.golden.inputs[0])
        request = POST % len(picture) + picture
        clients = [stack.enter_context(socket.create_connection(server.address, timeout=20)) for _ in range(12)]
        statuses: Counter[int] = Counter()
        for _ in range(40):
            for client in clients:
                client.sendall(request)
            for client in clients:
                answer = http.client.HTTPResponse(client)
                answer.begin()
                statuses[answer.status] += 1
                body = json.loads(answer.read())
                if answer.status == 429:
                    assert answer.headers["retry-after"] == "1"
                    assert "come again" in body["error"]
        assert set(statuses) == {200, 429}
        counted = httpx.get(f"{server.url}/metrics").text
        assert f"edgewise_rejected_total {statuses[429]}.0" in counted
        # Nobody was refused for a while: every place has been given back, and every connection is of use.
        time.sleep(1.1)
        for client in clients:
            client.sendall(request)
            answer = http.client.HTTPResponse(client)
            answer.begin()
            assert (answer.status, json.loads(answer.read())["label"]) == (200, str(server.golden.outputs[0].argmax()))
