"""A request's body, read within bounds: of its own length, of all that are coming in together, of time."""

import asyncio
import zlib

from edge.device.errors import Refused
from serving.gate import RETRY_AFTER
from serving.http import Message, Receive


class ClientLeft(Exception):
    """The client closed the connection before its request was whole: nobody is there to be answered."""


class Bodies:
    """Reads bodies of at most `limit` bytes each, before and after decompression.

    Those that are coming in hold at most `room` bytes together, so that memory does not grow with the number of
    clients; what is whole is bounded by the queue. What comes in one piece takes no room: uvicorn has it already.
    """

    def __init__(self, limit: int, room: int) -> None:
        self._limit = limit
        self._room = room
        self._held = 0

    async def read(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        """The body of a request, decompressed where it came as gzip or deflate.

        Raises Refused 413 where it is longer than may be, 415 for another encoding, 400 where it cannot be
        decompressed, 429 where there is no room; ClientLeft where the client has gone.
        """
        length = headers.get(b"content-length")
        if length is not None and int(length) > self._limit:
            raise self._too_long()
        message = await receive()
        body = _part(message)
        if message.get("more_body"):
            body = await self._collect(body, receive)
        elif len(body) > self._limit:
            raise self._too_long()
        encoding = headers.get(b"content-encoding")
        return body if encoding is None else self._decompressed(body, encoding.decode("latin-1").lower())

    async def read_within(self, seconds: float, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        """`read` for where `serving.connection` does not keep the time; raises Refused 408 besides."""
        try:
            async with asyncio.timeout(seconds):
                return await self.read(headers, receive)
        except TimeoutError:
            raise not_whole(seconds) from None

    async def _collect(self, first: bytes, receive: Receive) -> bytes:
        """The parts of a body, joined, of which `first` is there."""
        parts = [first]
        held = len(first)
        self._held += held
        more = True
        try:
            while more:
                message = await receive()
                part = _part(message)
                parts.append(part)
                held += len(part)
                self._held += len(part)
                if held > self._limit:
                    raise self._too_long()
                if self._held > self._room:
                    raise self._no_room()
                more = message.get("more_body", False)
            return b"".join(parts)
        finally:
            self._held -= held

    def _decompressed(self, body: bytes, encoding: str) -> bytes:
        if encoding == "identity":
            return body
        if encoding not in _WINDOWS:
            raise Refused(415, f"Content-Encoding {encoding!r}: expected gzip, deflate or none")
        stream = zlib.decompressobj(_WINDOWS[encoding])
        try:
            whole = stream.decompress(body, self._limit + 1)
        except zlib.error as error:
            raise Refused(
                400, f"body: not readable as {encoding} ({error}); send it again, or without compression"
            ) from None
        if len(whole) > self._limit:
            raise self._too_long()
        if not stream.eof:
            raise Refused(400, f"body: {encoding} data cut short; send it again, or without compression")
        if stream.unused_data:
            raise Refused(
                400, f"body: {len(stream.unused_data):,} bytes behind the end of the {encoding} data; send one stream"
            )
        return whole

    def _too_long(self) -> Refused:
        limit = self._limit
        return Refused(
            413,
            f"body: longer than {limit:,} bytes, the most that is taken; scale the picture down, or send fewer at once",
        )

    def _no_room(self) -> Refused:
        return Refused(
            429, f"the bodies that are coming in hold {self._room:,} bytes, all there are; come again in a second",
            RETRY_AFTER,
        )  # fmt: skip


# zlib's window sizes: 16 + 15 reads gzip's frame (RFC 1952), 15 that of HTTP's deflate (RFC 9110, 8.4.1.2).
_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


def not_whole(seconds: float) -> Refused:
    """What a body is answered that takes longer to come than `seconds`."""
    return Refused(
        408,
        f"the body was not whole after {seconds:g} s; send it faster, or send less",
        ((b"connection", b"close"),),
    )


def _part(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientLeft
    part: bytes = message.get("body", b"")
    return part
