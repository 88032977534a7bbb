"""Bodies within bounds: of one, of all together, of time."""

import asyncio
import gzip
import zlib
from collections.abc import Iterator

import pytest

from edge.device.errors import Refused
from serving.body import Bodies, ClientLeft
from serving.http import Message, Receive

LIMIT, ROOM = 1000, 2500


def sends(*parts: bytes, ends: bool = True) -> Receive:
    """A client that sends `parts`; if it does not end, it is not heard of again."""

    def messages() -> Iterator[Message]:
        for number, part in enumerate(parts, 1):
            yield {"type": "http.request", "body": part, "more_body": number < len(parts) or not ends}

    waiting = messages()

    async def receive() -> Message:
        await asyncio.sleep(0)
        for message in waiting:
            return message
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return] # never done

    return receive


def read(receive: Receive, **headers: str) -> bytes:
    fields = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return asyncio.run(Bodies(LIMIT, ROOM).read(fields, receive))


@pytest.mark.parametrize("parts", [(b"",), (b"a" * LIMIT,), (b"a" * 500, b"", b"b" * 500), (b"", b"", b"")])
def test_body_is_its_parts_joined(parts: tuple[bytes, ...]) -> None:
    assert read(sends(*parts)) == b"".join(parts)


@pytest.mark.parametrize("parts", [(b"a" * (LIMIT + 1),), (b"a" * LIMIT, b"b"), (b"a",) * (LIMIT + 1)])
def test_body_beyond_the_limit_is_refused(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(Refused, match="1,000 bytes") as caught:
        read(sends(*parts))
    assert caught.value.status == 413


def test_body_beyond_the_limit_is_refused_by_its_length_before_it_is_read() -> None:
    with pytest.raises(Refused) as caught:
        read(sends(ends=False), content_length=str(LIMIT + 1))
    assert caught.value.status == 413


def test_body_of_a_client_that_leaves_is_nobodys() -> None:
    async def leave() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientLeft):
        read(leave)


def test_bodies_that_come_in_together_are_refused_beyond_their_room_and_make_room_when_they_go() -> None:
    async def check() -> None:
        bodies = Bodies(LIMIT, ROOM)
        held = [asyncio.create_task(bodies.read({}, sends(b"a" * 900, ends=False))) for _ in range(2)]
        await asyncio.sleep(0.01)
        with pytest.raises(Refused) as caught:
            await bodies.read({}, sends(b"b" * 400, b"b" * 400))
        assert caught.value.status == 429
        assert dict(caught.value.headers)[b"retry-after"] == b"1"
        assert await bodies.read({}, sends(b"c" * 900)) == b"c" * 900  # in one piece: not waited for
        assert await bodies.read({}, sends(b"d" * 300, b"d" * 300)) == b"d" * 600  # the refused one holds none
        held[0].cancel()
        await asyncio.sleep(0.01)
        assert len(await bodies.read({}, sends(b"e" * 500, b"e" * 500))) == 1000
        held[1].cancel()

    asyncio.run(check())


def test_body_with_a_time_limit_is_refused_when_it_is_not_whole_by_then() -> None:
    bodies = Bodies(LIMIT, ROOM)
    assert asyncio.run(bodies.read_within(5, {}, sends(b"a", b"b"))) == b"ab"
    with pytest.raises(Refused, match="not whole") as caught:
        asyncio.run(bodies.read_within(0.05, {}, sends(b"a", ends=False)))
    assert caught.value.status == 408
    assert (b"connection", b"close") in caught.value.headers


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("GZip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("Deflate", zlib.compress),
        ("identity", bytes),
    ],
)
def test_body_is_decompressed_however_its_encoding_is_written(encoding: str, compress: type[bytes]) -> None:
    body = bytes(range(256))
    assert read(sends(compress(body)), content_encoding=encoding) == body


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (gzip.compress(b"a") + b"b", 400, "1 bytes behind"),
        (gzip.compress(b"a") + gzip.compress(b"b"), 400, "send one stream"),
        (gzip.compress(b"a" * LIMIT)[:-1], 400, "cut short"),
        (gzip.compress(bytes(LIMIT + 1)), 413, "1,000 bytes"),
        (b"no archive", 400, "not readable"),
    ],
)
def test_body_that_does_not_decompress_whole_and_alone_is_refused(body: bytes, status: int, word: str) -> None:
    with pytest.raises(Refused, match=word) as caught:
        read(sends(body), content_encoding="gzip")
    assert caught.value.status == status


def test_body_of_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(Refused, match="'br'") as caught:
        read(sends(b"a"), content_encoding="br")
    assert caught.value.status == 415
