"""HTTP/1.1 as values: requests out of bytes as they come in, and answers as bytes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from edge.device.errors import Refused

HEAD_BYTES = 16 * 1024  # of request line and headers; also of trailers
_LINE_BYTES = 64  # of a chunk's size and its extensions

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_HEADER = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*", re.ASCII)
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?")
_ONCE = ("content-length", "content-type", "host", "transfer-encoding")

JSON = "application/json"


@dataclass(frozen=True)
class Request:
    """A request that was read whole. Header names in lower case. `keeps`: whether the connection is kept afterwards."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    keeps: bool
    body: bytes = b""

    def queries(self, *known: str) -> dict[str, str]:
        """The query's fields; raises Refused 400 where one is not among `known` or comes twice."""
        expected = " or ".join(known) if known else "no query"
        try:
            pairs = parse_qsl(self.query, keep_blank_values=True, max_num_fields=32)
        except ValueError as error:
            raise Refused(400, f"query: not readable ({error}); expected {expected}") from None
        fields: dict[str, str] = {}
        for name, value in pairs:
            if name not in known or name in fields:
                problem = "given twice" if name in fields else "unknown"
                raise Refused(400, f"query {name[:64]!r}: {problem}; expected {expected}")
            fields[name] = value
        return fields


@dataclass(frozen=True)
class Response:
    """An answer; `media_type` is its Content-Type."""

    body: bytes
    status: int = 200
    media_type: str = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


def as_json(value: Any, status: int = 200) -> Response:
    """`value` as JSON."""
    return Response(status=status, body=json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def as_error(refused: Refused) -> Response:
    """The JSON that every error has: {"error": "what came, what was expected, what to do"}."""
    # A request may hold halves of characters, which UTF-8 lacks.
    message = str(refused).encode(errors="backslashreplace").decode()
    answer = as_json({"error": message}, refused.status)
    return Response(status=refused.status, body=answer.body, headers=refused.headers)


def to_bytes(response: Response, request: Request | None, *, keeps: bool) -> bytes:
    """The answer to `request`, None where none could be read, as it goes over the wire."""
    lines = [
        f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
        f"content-type: {response.media_type}",
        f"content-length: {len(response.body)}",
        "x-content-type-options: nosniff",
        *(f"{name.decode()}: {value.decode()}" for name, value in response.headers),
    ]
    if request is not None and request.method != "POST":
        lines.append("cache-control: no-store")
    if not keeps:
        lines.append("connection: close")
    elif request is not None and "connection" in request.headers:
        lines.append("connection: keep-alive")  # HTTP/1.0 asks for it and wants to hear it
    body = b"" if request is not None and request.method == "HEAD" else response.body
    return "\r\n".join((*lines, "", "")).encode() + body


class RequestReader:
    """Turns the bytes of one connection into requests of bodies up to `limit` bytes.

    Where bytes are no request, `take` raises Refused; what follows on that connection cannot be told apart any more.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = bytearray()
        self._head: Request | None = None
        self._chunks: list[bytes] = []
        self._chunked = 0  # bytes in `_chunks`
        self._trailing = False  # behind the last chunk
        self._continued = False

    @property
    def held(self) -> int:
        """Bytes that wait for the rest of their request."""
        return len(self._bytes) + self._chunked

    @property
    def begun(self) -> bool:
        """Whether a part of a request is there."""
        return self._head is not None or bool(self._bytes)

    @property
    def in_body(self) -> bool:
        """Whether a head is there, and its body is not."""
        return self._head is not None

    def receive(self, data: bytes) -> None:
        self._bytes += data

    def wants_continue(self) -> bool:
        """Whether the client waits for "100 Continue" before it sends the body; true once for a request."""
        if self._head is None or self._continued or self._bytes or self._chunked:
            return False
        self._continued = True
        return self._head.headers.get("expect", "").lower() == "100-continue"

    def take(self) -> Request | None:
        """The next request, None while it is not whole."""
        if self._head is None:
            self._head = self._take_head()
        if self._head is None:
            return None
        body = self._take_body(self._head.headers)
        if body is None:
            return None
        head, self._head = self._head, None
        self._continued = self._trailing = False
        return Request(
            method=head.method, path=head.path, query=head.query, headers=head.headers, keeps=head.keeps, body=body
        )

    def _take_head(self) -> Request | None:
        while self._bytes.startswith(
            b"\r\n"
        ):  # some clients end a body with one that they do not count (RFC 9112, 2.2)
            del self._bytes[:2]
        end = self._bytes.find(b"\r\n\r\n", 0, HEAD_BYTES)
        if end < 0:
            if len(self._bytes) >= HEAD_BYTES:
                raise Refused(400, f"request head: longer than {HEAD_BYTES:,} bytes; send fewer or shorter headers")
            return None
        first, *lines = self._bytes[:end].decode("latin-1").split("\r\n")
        del self._bytes[: end + 4]
        method, path, query, version = _request_line(first)
        headers = _headers(lines)
        if version == "HTTP/1.1" and "host" not in headers:
            raise Refused(400, "Host: missing; HTTP/1.1 wants it")
        self._check_framing(headers)
        connection = {each.strip().lower() for each in headers.get("connection", "").split(",")}
        keeps = "close" not in connection if version == "HTTP/1.1" else "keep-alive" in connection
        return Request(method=method, path=path, query=query, headers=headers, keeps=keeps)

    def _check_framing(self, headers: dict[str, str]) -> None:
        """Raise Refused unless it is plain where the body ends, and that it is not too long."""
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if coding is not None and length is not None:
            raise Refused(400, "Content-Length and Transfer-Encoding: received both; send one")
        if coding is not None and coding.lower() != "chunked":
            raise Refused(501, f"Transfer-Encoding {coding[:64]!r}: expected chunked or none")
        if length is not None and not (length.isascii() and length.isdecimal() and len(length) < 19):
            raise Refused(400, f"Content-Length {length[:64]!r}: expected a number of bytes")
        if length is not None and int(length) > self._limit:
            raise self._too_long()

    def _take_body(self, headers: dict[str, str]) -> bytes | None:
        if "transfer-encoding" in headers:
            return self._take_chunks()
        length = int(headers.get("content-length", "0"))
        return self._cut(length) if len(self._bytes) >= length else None

    def _take_chunks(self) -> bytes | None:
        while not self._trailing:
            end = self._bytes.find(b"\r\n", 0, _LINE_BYTES)
            if end < 0:
                if len(self._bytes) >= _LINE_BYTES:
                    raise Refused(400, "body: no size of a chunk within its line; send it again")
                return None
            found = _CHUNK.fullmatch(self._bytes, 0, end)
            if found is None:
                raise Refused(400, f"body: {bytes(self._bytes[:end])!r} is no size of a chunk; send it again")
            size = int(found[1], 16)
            if self._chunked + size > self._limit:
                raise self._too_long()
            if size == 0:
                self._trailing = True
                del self._bytes[:end]  # its line break is the first half of the one that ends the trailers
            elif len(self._bytes) < end + 2 + size + 2:
                return None
            else:
                self._cut(end + 2)
                self._chunks.append(self._cut(size))
                self._chunked += size
                if self._cut(2) != b"\r\n":
                    raise Refused(400, "body: a chunk is not of the size that it tells; send it again")
        return self._end_chunks()

    def _end_chunks(self) -> bytes | None:
        """The whole body, once the trailers behind it, which nobody reads, have come."""
        end = self._bytes.find(b"\r\n\r\n", 0, HEAD_BYTES)
        if end < 0:
            if len(self._bytes) >= HEAD_BYTES:
                raise Refused(400, f"trailers: longer than {HEAD_BYTES:,} bytes; send fewer")
            return None
        del self._bytes[: end + 4]
        body = b"".join(self._chunks)
        self._chunks, self._chunked = [], 0
        return body

    def _cut(self, count: int) -> bytes:
        with memoryview(self._bytes) as view:
            taken = bytes(view[:count])
        del self._bytes[:count]
        return taken

    def _too_long(self) -> Refused:
        return Refused(
            413,
            f"body: longer than {self._limit:,} bytes, the most that is taken; scale the picture down, "
            "or send fewer at once",
        )


def _request_line(line: str) -> tuple[str, str, str, str]:
    """Method, path, query and version."""
    method, _, rest = line.partition(" ")
    target, _, version = rest.rpartition(" ")
    if not _TOKEN.fullmatch(method) or not target.isprintable() or " " in target or not target:
        raise Refused(400, f"request line {line[:64]!r}: expected METHOD /path HTTP/1.1")
    if version not in ("HTTP/1.0", "HTTP/1.1"):
        if re.fullmatch(r"HTTP/\d\.\d", version):
            raise Refused(505, f"{version}: expected HTTP/1.1")
        raise Refused(400, f"request line {line[:64]!r}: expected METHOD /path HTTP/1.1")
    if target.lower().startswith("http://"):  # as to a proxy (RFC 9112, 3.2.2)
        target = "/" + target[7:].partition("/")[2]
    path, _, query = target.partition("?")
    return method, path, query, version


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        found = _HEADER.fullmatch(line)
        if found is None:
            raise Refused(400, f"header {line[:64]!r}: expected Name: value")
        name, value = found[1].lower(), found[2]
        if name in headers and name in _ONCE:
            raise Refused(400, f"header {name}: received twice, expected once")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
