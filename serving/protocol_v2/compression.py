"""Answers compressed for clients that ask for it, where that pays."""

import zlib

from serving.http import Response

# Below about one network packet there is nothing to gain: 1,460 bytes of payload (RFC 879's default on Ethernet).
_WORTHWHILE = 1460
_LEVEL = 1  # the quickest: tensors shrink little more with another

# zlib's window sizes: 16 + 15 writes gzip's frame (RFC 1952), 15 that of HTTP's deflate (RFC 9110, 8.4.1.2).
_WINDOWS = {"gzip": 31, "deflate": 15}


def compress(response: Response, accepted: bytes | None) -> Response:
    """`response`, or its compressed form where `accepted`, the Accept-Encoding header, allows and it gets shorter."""
    if accepted is None or len(response.body) < _WORTHWHILE:
        return response
    encoding = choose(accepted.decode("latin-1"))
    if encoding is None:
        return response
    stream = zlib.compressobj(_LEVEL, wbits=_WINDOWS[encoding])
    body = stream.compress(response.body) + stream.flush()
    if len(body) >= len(response.body):
        return response
    return Response(
        body=body,
        status=response.status,
        media_type=response.media_type,
        headers=(*response.headers, (b"content-encoding", encoding.encode())),
    )


def choose(accepted: str) -> str | None:
    """The encoding that Accept-Encoding prefers (RFC 9110, 12.5.3); None where it takes neither gzip nor deflate."""
    best, weight = None, 0.0
    for part in accepted.split(","):
        name, _, parameter = part.partition(";")
        encoding = name.strip().lower()
        if encoding in _WINDOWS and (quality := _quality(parameter)) > weight:
            best, weight = encoding, quality
    return best


def _quality(parameter: str) -> float:
    """The weight of "q=0.5": 1 where there is none, 0 where it is none of RFC 9110."""
    text = parameter.strip().lower()
    if not text:
        return 1.0
    number = text.removeprefix("q=")
    return float(number) if text != number and number.replace(".", "", 1).isdecimal() and number.isascii() else 0.0
