"""The load generator against a real server whose delays and refusals are known."""

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.device.errors import Unavailable
from pipeline.bench.serving.connection import Connection, encode, parse
from pipeline.bench.serving.load import closed_loop, open_loop

REQUEST = encode("GET", "/", {})
HEAD = b"HTTP/1.1 %s\r\nContent-Length: 2\r\n%s\r\nok"
GOOD, FULL = HEAD % (b"200 OK", b""), HEAD % (b"429 Too Many Requests", b"")


@contextlib.contextmanager
def answering(delays: dict[int, float], answers: dict[int, bytes]) -> Iterator[int]:
    """A server whose n-th request stalls the whole server for `delays[n]` seconds and is answered by `answers[n]`, at
    once and with 200 unless told; b"" closes the connection."""
    ports: queue.Queue[int] = queue.Queue()
    seen = iter(range(10**9))
    stop = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                number = next(seen)
                time.sleep(delays.get(number, 0.0))
                content = answers.get(number, GOOD)
                if not content:
                    break
                writer.write(content)
        writer.close()

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        ports.put(server.sockets[0].getsockname()[1])
        await stop.wait()

    loops: list[asyncio.AbstractEventLoop] = []
    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        yield ports.get(timeout=10)
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join()


def test_closed_loop_stops_at_the_number_of_requests() -> None:
    with answering({}, {}) as port:
        load = closed_loop(port, REQUEST, 4, requests=50)
    assert load.accepted == load.statuses[200] == 50


def test_closed_loop_refuses_to_measure_errors() -> None:
    with answering({}, {3: FULL}) as port, pytest.raises(Unavailable, match="answered 429"):
        closed_loop(port, REQUEST, 1, requests=10)


def test_open_loop_sends_what_the_rate_says() -> None:
    with answering({}, {}) as port:
        load = open_loop(port, REQUEST, 200, 0.5)
    assert load.accepted == 100
    assert load.seconds == pytest.approx(0.5, abs=0.2)


def test_a_stall_counts_for_every_request_that_was_due_in_it() -> None:
    # 200 a second, one stall of 0.4 s: some 80 are due in it, and wait 0.2 s on average. A generator that waits for
    # its answers before it goes on would show a single slow one.
    with answering({20: 0.4}, {}) as port:
        load = open_loop(port, REQUEST, 200, 1.0)
    assert load.accepted == 200
    assert sum(latency > 0.1 for latency in load.latencies) >= 50


def test_refusals_and_broken_connections_are_told_apart() -> None:
    with answering({}, {5: FULL, 6: FULL, 9: b""}) as port:
        load = open_loop(port, REQUEST, 100, 0.3)
    assert (load.accepted, load.statuses[429], load.statuses[0], load.failures) == (27, 2, 1, 1)


def test_memory_is_asked_for_once_a_second() -> None:
    ticks: list[None] = []
    with answering({}, {}) as port:
        open_loop(port, REQUEST, 50, 2.2, each_second=lambda: ticks.append(None))
    assert len(ticks) == 2


@given(cut=st.integers(min_value=0, max_value=len(GOOD)))
def test_an_answer_counts_only_when_it_is_whole(cut: int) -> None:
    answer = parse(GOOD[:cut])
    assert (answer is not None) == (cut == len(GOOD))


def test_an_answer_without_length_is_refused() -> None:
    with pytest.raises(Unavailable, match="Content-Length"):
        parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")


def test_a_server_that_says_close_is_not_asked_again() -> None:
    last = HEAD % (b"200 OK", b"Connection: close\r\n")
    with answering({}, {0: last}) as port, contextlib.closing(Connection(port)) as connection:
        assert connection.ask(REQUEST).closes
