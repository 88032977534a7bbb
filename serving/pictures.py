"""The pictures of a request: its raw body, or the `image` fields of a form."""

from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from edge.device.errors import Refused
from serving.http import Request

MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp", "image/bmp")
FIELD = "image"

_EXPECTED = f"expected multipart/form-data with the field {FIELD!r}, or a body of {', '.join(MEDIA_TYPES)}"
_MISTAKEN = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}


@dataclass(frozen=True, slots=True)
class Picture:
    """`name` is what messages call it."""

    name: str
    content: bytes


def pictures_of(request: Request, most: int) -> list[Picture]:
    """The pictures of `request`, at least one and at most `most`, still encoded.

    Raises Refused 415 for a content type that is none of pictures, 400 for too many pictures and for a form that is
    damaged or has other fields.
    """
    media_type, options = parse_options_header(request.headers.get(b"content-type", b""))
    kind = media_type.decode("latin-1")
    if kind == "multipart/form-data":
        pictures = _Form(options.get(b"boundary", b""), most).read(request.body)
    elif kind in MEDIA_TYPES:
        pictures = [Picture("body", request.body)]
    else:
        hint = f"; say {_MISTAKEN[kind]}" if kind in _MISTAKEN else ""
        raise Refused(415, f"Content-Type {kind or 'missing'}: {_EXPECTED}{hint}")
    for picture in pictures:
        if not picture.content:
            raise Refused(400, f"{picture.name}: empty; expected the bytes of a picture")
    return pictures


class _Form:
    """The state of reading one form; nothing is written to disk."""

    def __init__(self, boundary: bytes, most: int) -> None:
        if not boundary:
            raise Refused(400, "Content-Type multipart/form-data without a boundary; let the client's library set it")
        self._boundary = boundary
        self._most = most
        self._pictures: list[Picture] = []
        self._name = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._parts: list[bytes] = []
        self._ended = False

    def read(self, body: bytes) -> list[Picture]:
        callbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._field,
            "on_header_value": self._add_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._check_part,
            "on_part_data": self._data,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }
        try:
            parser = MultipartParser(self._boundary, callbacks)  # type: ignore[arg-type]
            parser.write(body)
            parser.finalize()
        except FormParserError as error:
            raise Refused(400, f"form: not readable ({error}); {_EXPECTED}") from None
        if not self._ended:
            raise Refused(400, "form: cut short, or its boundary is not the one of the Content-Type; send it again")
        if not self._pictures:
            raise Refused(400, f"form: no field; {_EXPECTED}")
        return self._pictures

    def _begin(self) -> None:
        self._headers, self._parts = {}, []

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _check_part(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        field = options.get(b"name", b"").decode("utf-8", "replace")
        if field != FIELD:
            raise Refused(400, f"form field {field[:64]!r}: unknown; {_EXPECTED}")
        if len(self._pictures) == self._most:
            raise Refused(400, f"form: more than {self._most} pictures; send the rest in another request")

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._parts.append(data[start:end])

    def _end_part(self) -> None:
        self._pictures.append(Picture(f"{FIELD} {len(self._pictures) + 1}", b"".join(self._parts)))

    def _end(self) -> None:
        self._ended = True
