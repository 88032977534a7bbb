"""What a connection may take, and for how long: against raw sockets, in front of a small application of the test's."""

import asyncio
import contextlib
import functools
import logging
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import uvicorn

from serving import connection
from serving.app import Application
from serving.connection import HEAD_BYTES, Connection
from serving.http import ASGI, Receive, Scope, Send
from serving.settings import Settings
from serving.state import State

Connect = Callable[[], socket.socket]
Listen = Callable[..., AbstractContextManager[Connect]]

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = 64 * 2**20  # more than the kernel holds for a client that does not read
WAIT = 15  # seconds in which every time limit of these tests, set to a second or less, must have come


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers the request's number of body bytes and header names; /early before its body, /late after a while."""
    body = b""
    more = scope["path"] != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        more = message["more_body"]
    if scope["path"] == "/late":
        await asyncio.sleep(0.5)
    names = b" ".join(name for name, _ in scope["headers"])
    answer = bytes(LARGE) if scope["path"] == "/large" else b"%d %s" % (len(body), names)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(answer))]})
    await send({"type": "http.response.body", "body": answer})


@pytest.fixture
def listen(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Listen:
    """Serve through `Connection` with short time limits; at the end nothing may have been logged."""

    @contextlib.contextmanager
    def start(app: ASGI = application, *, keep_alive: int = 1, body_seconds: float = 1.0) -> Iterator[Connect]:
        for name in ("HEAD_SECONDS", "_REST_SECONDS", "_STALL_SECONDS"):
            monkeypatch.setattr(connection, name, 1.0)
        listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        server = uvicorn.Server(
            uvicorn.Config(
                app, loop="uvloop", http=functools.partial(Connection, body_seconds=body_seconds), ws="none",
                lifespan="off", proxy_headers=False, access_log=False, log_config=None, timeout_keep_alive=keep_alive,
            )
        )  # fmt: skip
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield functools.partial(socket.create_connection, listener.getsockname(), timeout=WAIT)
        finally:
            server.should_exit = True
            thread.join()
            listener.close()
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]

    return start


def read_answer(client: socket.socket) -> tuple[int, bytes]:
    """Status and body of one answer."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = client.recv(1)
        assert byte, f"closed after {head!r}"
        head += byte
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    body = b""
    while len(body) < length:
        body += client.recv(length - len(body))
    return int(head.split()[1]), body


def post(length: int, path: bytes = b"/") -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (path, length)


def closes(client: socket.socket) -> bool:
    """Whether the server ends the connection; what it sends before is read away."""
    try:
        while client.recv(65536):
            pass
    except TimeoutError:
        return False
    except ConnectionResetError:
        pass
    return True


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\r\n",
        b"GET / HT",
        GET,
        GET + b"\r\n",
        GET + b"GET / HT",
        post(9) + b"abcd",
        post(9, b"/early"),
        post(9, b"/early") + b"abcd",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n",
    ],
)
def test_connection_closes_whatever_the_client_leaves_unfinished(listen: Listen, sent: bytes) -> None:
    with listen() as connect, connect() as client:
        client.sendall(sent)
        assert closes(client)


@pytest.mark.parametrize(("before", "after"), [(GET, b"\r\n"), (post(9, b"/early"), b"abcdefghi")])
def test_connection_closes_an_idle_client_whose_last_bytes_began_no_request(
    listen: Listen, before: bytes, after: bytes
) -> None:
    with listen() as connect, connect() as client:
        client.sendall(before)
        assert read_answer(client)[0] == 200
        client.sendall(after)
        assert closes(client)


def test_connection_goes_on_after_the_rest_of_a_body_that_was_answered_early(listen: Listen) -> None:
    with listen(keep_alive=60) as connect, connect() as client:
        client.sendall(post(9, b"/early") + b"abcd")
        assert read_answer(client)[0] == 200
        client.sendall(b"efghi" + post(3) + b"abc")
        assert read_answer(client) == (200, b"3 host content-length")


def test_connection_keeps_an_idle_client_as_long_as_it_is_told(listen: Listen) -> None:
    with listen(keep_alive=60) as connect, connect() as client:
        client.sendall(GET)
        read_answer(client)
        time.sleep(2.5)  # longer than every other limit here
        client.sendall(GET)
        assert read_answer(client)[0] == 200


@pytest.mark.parametrize("closing", [b"Connection: close\r\n", b""])
def test_connection_aborts_a_client_that_does_not_read(listen: Listen, closing: bytes) -> None:
    with listen() as connect, connect() as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n" + closing + b"\r\n")
        time.sleep(4)
        received = 0
        with contextlib.suppress(ConnectionResetError):
            while part := client.recv(2**20):
                received += len(part)
        assert received < LARGE


@pytest.mark.parametrize("closing", [b"Connection: close\r\n", b""])
def test_connection_waits_for_a_client_that_reads_slowly(listen: Listen, closing: bytes) -> None:
    with listen() as connect, connect() as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n" + closing + b"\r\n")
        received = 0
        pieces = 0
        while received < LARGE:
            part = client.recv(2**20)
            assert part, f"closed after {received} bytes"
            received += len(part)
            if received // (8 * 2**20) > pieces:
                pieces += 1
                time.sleep(0.5)  # eight times: four times the limit, of which no stretch is longer


def test_connection_takes_a_long_body_and_part_of_the_next_head_in_one_piece(listen: Listen) -> None:
    with listen() as connect, connect() as client:
        client.sendall(post(100_000) + bytes(100_000) + GET[:10])
        assert read_answer(client) == (200, b"100000 host content-length")
        client.sendall(GET[10:])
        assert read_answer(client) == (200, b"0 host")


@pytest.mark.parametrize("pause", [0.0, 0.2])
@pytest.mark.parametrize("ending", [b"\r\n\r\n", b""])
def test_connection_refuses_a_long_head(listen: Listen, pause: float, ending: bytes) -> None:
    with listen() as connect, connect() as client:
        head = GET[:-2] + b"A: " + b"b" * (HEAD_BYTES + 1) + ending
        client.sendall(head[:1000])
        time.sleep(pause)
        with contextlib.suppress(ConnectionError):
            client.sendall(head[1000:])
        status, body = read_answer(client)
        assert status == 400
        assert b"65,536" in body


def test_connection_takes_a_head_that_is_just_short_enough(listen: Listen) -> None:
    with listen() as connect, connect() as client:
        client.sendall(GET[:-2] + b"A: " + b"b" * (HEAD_BYTES - 100) + b"\r\n\r\n")
        assert read_answer(client) == (200, b"0 host a")


def test_connection_answers_nothing_in_the_place_of_an_answer_that_is_due(listen: Listen) -> None:
    with listen() as connect, connect() as client:
        client.sendall(GET.replace(b"/ ", b"/late ") + b"no request\r\n\r\n")
        assert client.recv(1) == b""


def test_connection_answers_a_request_while_the_next_head_comes_in(listen: Listen) -> None:
    with listen() as connect, connect() as client:
        client.sendall(GET.replace(b"/ ", b"/late ") + GET[:10])
        assert read_answer(client)[0] == 200
        client.sendall(GET[10:])
        assert read_answer(client)[0] == 200


def test_connection_says_nothing_of_clients_that_leave_requests_in_the_pipeline(listen: Listen) -> None:
    with listen() as connect:
        client = connect()
        client.sendall(GET.replace(b"/ ", b"/late ") * 3)
        time.sleep(0.2)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()  # a reset
        time.sleep(1)


def test_connection_gives_each_request_in_the_pipeline_its_own_time(listen: Listen) -> None:
    with listen(body_seconds=0.4) as connect, connect() as client:
        client.sendall(GET.replace(b"/ ", b"/late ") + post(4) + b"ab")
        assert read_answer(client)[0] == 200
        client.sendall(b"cd")
        assert read_answer(client) == (200, b"4 host content-length")
        client.sendall(GET.replace(b"/ ", b"/late ") + post(4) + b"ab")
        assert [read_answer(client)[0] for _ in range(2)] == [200, 408]


def test_connection_ignores_trailers_and_bounds_them(listen: Listen) -> None:
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
    with listen() as connect, connect() as client:
        client.sendall(chunked + b"X-Request-Id: trailer\r\n\r\n")
        assert read_answer(client) == (200, b"3 host transfer-encoding")
        client.sendall(chunked)
        with contextlib.suppress(ConnectionError):
            for _ in range(64):
                client.sendall(b"A: " + b"b" * 10_000 + b"\r\n")
        assert closes(client)


def test_connection_answers_a_request_to_upgrade_and_logs_nothing(
    listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    with listen() as connect, connect() as client:
        client.sendall(GET[:-2] + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        assert read_answer(client)[0] == 200
    assert not caplog.records


def test_connection_beyond_the_bound_is_closed_at_once(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECTIONS", 3)
    with listen(keep_alive=60) as connect, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect()) for _ in range(3)]
        for client in clients:
            client.sendall(GET)
            read_answer(client)
        with connect() as refused:
            start = time.monotonic()
            assert closes(refused)
            assert time.monotonic() - start < 0.5
        clients[0].sendall(GET)
        assert read_answer(clients[0])[0] == 200
        clients[0].close()
        time.sleep(0.1)
        with connect() as welcome:
            welcome.sendall(GET)
            assert read_answer(welcome)[0] == 200


@pytest.fixture
def overloaded(finished_run: Path) -> Application:
    """The application while it turns requests away before they are begun."""
    state = State(Settings(artifact=finished_run / "export" / "cpu"))
    state.gate._short_until = time.monotonic() + 100
    return Application(application, lambda: state, times_bodies=False)


def test_connection_answers_a_damaged_body_that_waits_for_its_place(listen: Listen, overloaded: Application) -> None:
    with listen(overloaded) as connect, connect() as client:
        client.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        assert read_answer(client)[0] == 400
        assert closes(client)


@pytest.mark.parametrize("length", [0, 9, 200_000])
def test_connection_begins_a_request_that_has_waited_for_its_place(
    listen: Listen, overloaded: Application, length: int
) -> None:
    with listen(overloaded) as connect, connect() as client:
        for _ in range(2):
            client.sendall(post(length, b"/predict") + bytes(length))
            status, body = read_answer(client)
            assert (status, b"Content-Type missing" in body) == (415, True)
