"""HTTP as values: a request that was read whole, and an answer."""

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


def _listed(known: tuple[str, ...]) -> str:
    return " or ".join(known) if known else "no query"
