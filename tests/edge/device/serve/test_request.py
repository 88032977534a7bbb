"""Requests out of bytes: whole however they are cut, refused where they are none."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.device.errors import Refused
from edge.device.serve.request import HEAD_BYTES, Request, RequestReader

LIMIT = 1000

STREAM = (
    b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    b"POST /predict?top=2 HTTP/1.1\r\nhost: x\r\nContent-Length: 5\r\nX-A: 1\r\nX-A: 2\r\n\r\nab\r\nc"
    b"\r\nPOST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: x\r\n\r\n"
    b"GET http://x/readyz HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
)


def read_all(pieces: list[bytes]) -> list[Request]:
    reader, found = RequestReader(LIMIT), []
    for piece in pieces:
        reader.receive(piece)
        while (request := reader.take()) is not None:
            found.append(request)
    assert not reader.begun
    return found


def test_requests_of_a_stream_are_those_that_were_sent() -> None:
    requests = read_all([STREAM])
    assert [(each.method, each.path, each.query, each.body, each.keeps) for each in requests] == [
        ("GET", "/livez", "", b"", True),
        ("POST", "/predict", "top=2", b"ab\r\nc", True),
        ("POST", "/predict", "", b"abc0123456789", True),
        ("GET", "/readyz", "", b"", True),
        ("GET", "/", "", b"", False),
    ]
    assert requests[1].headers["x-a"] == "1, 2"


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_requests_do_not_depend_on_how_the_stream_is_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    assert read_all([STREAM[at:to] for at, to in pairwise(places)]) == read_all([STREAM])


@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_a_part_of_one_or_refused(data: bytes) -> None:
    for stream in (data, b"GET / HTTP/1.1\r\nHost: x\r\n" + data + b"\r\n\r\n", STREAM[:170] + data):
        reader = RequestReader(LIMIT)
        reader.receive(stream)
        try:
            while reader.take() is not None:
                pass
        except Refused as refused:
            assert 400 <= refused.status <= 505


@pytest.mark.parametrize(
    ("head", "status", "message"),
    [
        (b"GET / HTTP/2.0\r\nHost: x", 505, "HTTP/2.0: expected HTTP/1.1"),
        (b"GET /\r\nHost: x", 400, "request line"),
        (b"GET  / HTTP/1.1\r\nHost: x", 400, "request line"),
        (b"G\x00T / HTTP/1.1\r\nHost: x", 400, "request line"),
        (b"GET / HTTP/1.1", 400, "Host: missing"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y", 400, "host: received twice"),
        (b"GET / HTTP/1.1\r\nHost : x", 400, "expected Name: value"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n folded", 400, "expected Name: value"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rc", 400, "expected Name: value"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked", 400, "received both"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1", 400, "received twice"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1", 400, "expected a number of bytes"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1", 400, "expected a number of bytes"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001", 413, "longer than 1,000 bytes"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 30, 400, "expected a number of bytes"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked", 501, "expected chunked"),
    ],
)
def test_head_that_is_none_is_refused(head: bytes, status: int, message: str) -> None:
    reader = RequestReader(LIMIT)
    reader.receive(head + b"\r\n\r\n")
    with pytest.raises(Refused, match=message) as refused:
        reader.take()
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"xyz\r\n", 400), (b"-1\r\n", 400), (b"3\r\nabcd\r\n", 400), (b"3e9\r\n", 413), (b";" * 70, 400)],
)
def test_chunks_that_are_none_are_refused(body: bytes, status: int) -> None:
    reader = RequestReader(LIMIT)
    reader.receive(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    with pytest.raises(Refused) as refused:
        reader.take()
    assert refused.value.status == status


def test_head_without_an_end_is_refused_at_its_bound() -> None:
    reader = RequestReader(LIMIT)
    reader.receive(b"GET / HTTP/1.1\r\nA: " + b"a" * (HEAD_BYTES - 50))
    assert reader.take() is None
    reader.receive(b"a" * 50)
    with pytest.raises(Refused, match="longer than"):
        reader.take()
