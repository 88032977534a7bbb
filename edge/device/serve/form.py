"""The pictures of a request: its raw body, or the `image` fields of a form (RFC 7578)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge.device.errors import Refused
from edge.device.serve.request import Request

MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp", "image/bmp")
FIELD = "image"

_EXPECTED = f"expected multipart/form-data with the field {FIELD!r}, or a body of {', '.join(MEDIA_TYPES)}"
_MISTAKEN = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}

_OPTION = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]*)', re.ASCII)
_HEAD_BYTES = 4096  # of a part's headers


@dataclass(frozen=True)
class Picture:
    """`name` is what messages call it."""

    name: str
    content: bytes


def pictures_of(request: Request, most: int) -> list[Picture]:
    """The pictures of `request`, at least one and at most `most`, still encoded.

    Raises Refused 415 for a content type that is none of pictures, 400 for too many pictures and for a form that is
    damaged or has other fields.
    """
    if "content-encoding" in request.headers:
        raise Refused(415, f"Content-Encoding {request.headers['content-encoding'][:64]!r}: expected none")
    kind, options = _options(request.headers.get("content-type", ""))
    if kind == "multipart/form-data":
        pictures = _read_form(request.body, options.get("boundary", ""), most)
    elif kind in MEDIA_TYPES:
        pictures = [Picture("body", request.body)]
    else:
        hint = f"; say {_MISTAKEN[kind]}" if kind in _MISTAKEN else ""
        raise Refused(415, f"Content-Type {kind[:64] or 'missing'}: {_EXPECTED}{hint}")
    for picture in pictures:
        if not picture.content:
            raise Refused(400, f"{picture.name}: empty; expected the bytes of a picture")
    return pictures


def _read_form(body: bytes, boundary: str, most: int) -> list[Picture]:
    """The body is there in one piece, and no part holds the boundary: to read it is to cut at each boundary."""
    if not 1 <= len(boundary) <= 70:  # RFC 2046, 5.1.1
        raise Refused(400, "Content-Type multipart/form-data without a boundary; let the client's library set it")
    delimiter = b"\r\n--" + boundary.encode("latin-1")
    # One cut more than there may be pictures tells that there are too many, however many follow.
    _, *parts = (b"\r\n" + body).split(delimiter, most + 2)
    pictures: list[Picture] = []
    for part in parts:
        if part.startswith(b"--"):
            break
        if len(pictures) == most:
            raise Refused(400, f"form: more than {most} pictures; send the rest in another request")
        pictures.append(_picture(part, len(pictures) + 1))
    else:
        raise Refused(400, "form: cut short, or its boundary is not the one of the Content-Type; send it again")
    if not pictures:
        raise Refused(400, f"form: no field; {_EXPECTED}")
    return pictures


def _picture(part: bytes, number: int) -> Picture:
    # Blanks may stand behind the boundary.
    end = part.find(b"\r\n\r\n", 0, _HEAD_BYTES)
    padding, _, head = part[: max(end, 0)].partition(b"\r\n")
    if end < 0 or padding.strip(b" \t"):
        raise Refused(400, f"form: part {number} has no headers of its own; {_EXPECTED}")
    field = ""
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "content-disposition":
            field = _options(value)[1].get("name", "")
    if field != FIELD:
        raise Refused(400, f"form field {field[:64]!r}: unknown; {_EXPECTED}")
    return Picture(f"{FIELD} {number}", part[end + 4 :])


def _options(value: str) -> tuple[str, dict[str, str]]:
    """A header such as `form-data; name="image"` as its kind, in lower case, and its options."""
    kind, _, _ = value.partition(";")
    options: dict[str, str] = {}
    for name, text in _OPTION.findall(value[len(kind) :]):
        options.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text)
    return kind.strip().lower(), options
