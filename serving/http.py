"""HTTP as values: a request that was read whole, within bounds, and an answer."""

import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson

from edge.device.errors import Refused

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGI = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON = b"application/json"


class ClientLeft(Exception):
    """The client closed the connection before its request was whole: nobody is there to be answered."""


@dataclass(slots=True, kw_only=True)
class Request:
    """A request whose body was read and decompressed. Header names in lower case."""

    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes = b""

    def queries(self, *known: str) -> dict[str, str]:
        """The query's fields; raises Refused 400 where one is not among `known` or comes twice."""
        fields: dict[str, str] = {}
        if not self.query:
            return fields
        try:
            pairs = parse_qsl(self.query.decode(), keep_blank_values=True, max_num_fields=32)
        except ValueError as error:
            raise Refused(400, f"query: not readable ({error}); expected {_listed(known)}") from None
        for name, value in pairs:
            if name not in known or name in fields:
                problem = "given twice" if name in fields else "unknown"
                raise Refused(400, f"query {name!r}: {problem}; expected {_listed(known)}")
            fields[name] = value
        return fields


@dataclass(slots=True, kw_only=True)
class Response:
    """An answer; `media_type` is its Content-Type."""

    body: bytes
    status: int = 200
    media_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


def as_json(value: Any, status: int = 200) -> Response:
    """`value`, of plain types and numpy arrays, as JSON; a number that is not finite becomes null."""
    return Response(status=status, body=orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY))


def as_error(refused: Refused) -> Response:
    """The JSON that every error has: {"error": "what came, what was expected, what to do"}."""
    answer = as_json({"error": str(refused)}, refused.status)
    answer.headers = refused.headers
    return answer


async def read_body(headers: dict[bytes, bytes], receive: Receive, limit: int) -> bytes:
    """The body of a request, decompressed where it came as gzip or deflate: at most `limit` bytes before and after.

    How long it may take to come is the matter of `serving.connection`. Raises Refused 413 where it is longer, 415 for
    another encoding, 400 where it cannot be decompressed; ClientLeft where the client has gone.
    """
    length = headers.get(b"content-length")
    if length is not None and int(length) > limit:
        raise _too_long(limit)
    body = await _collect(receive, limit)
    encoding = headers.get(b"content-encoding")
    return body if encoding is None else _decompressed(body, encoding.decode("latin-1"), limit)


async def _collect(receive: Receive, limit: int) -> bytes:
    """The parts of a body, joined."""
    parts: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        part: bytes = message.get("body", b"")
        length += len(part)
        if length > limit:
            raise _too_long(limit)
        parts.append(part)
        if not message.get("more_body"):
            return part if len(parts) == 1 else b"".join(parts)


def _decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    if encoding not in _WINDOWS:
        raise Refused(415, f"Content-Encoding {encoding!r}: expected gzip, deflate or none")
    stream = zlib.decompressobj(_WINDOWS[encoding])
    try:
        whole = stream.decompress(body, limit + 1)
    except zlib.error as error:
        raise Refused(
            400, f"body: not readable as {encoding} ({error}); send it again, or without compression"
        ) from None
    if len(whole) > limit:
        raise _too_long(limit)
    if not stream.eof:
        raise Refused(400, f"body: {encoding} data cut short; send it again, or without compression")
    return whole


# zlib's window sizes: 16 + 15 reads gzip's frame (RFC 1952), 15 that of HTTP's deflate (RFC 9110, 8.4.1.2).
_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


def _too_long(limit: int) -> Refused:
    return Refused(
        413,
        f"body: longer than {limit:,} bytes, the most that is taken; scale the picture down, or send fewer at once",
    )


def _listed(known: tuple[str, ...]) -> str:
    return " or ".join(known) if known else "no query"
