"""What a compiled file's custom operator holds: a DarwiNN package, read as far as its parameters.

Format, FlatBuffers within FlatBuffers:
https://github.com/google-coral/libedgetpu/blob/master/executable/executable.fbs
"""

import struct
from dataclasses import dataclass

from edge.device.errors import BadModel

IDENTIFIER = b"DWN1"
PACKAGE_MIN_RUNTIME, PACKAGE_EXECUTABLES = 0, 1  # numbers of fields in executable.fbs
MULTI_EXECUTABLE_EXECUTABLES = 0
EXECUTABLE_PARAMETERS, EXECUTABLE_TYPE = 6, 13
PARAMETER_CACHING = 1  # loaded once; the other types stream theirs at every inference


@dataclass(frozen=True, kw_only=True)
class Package:
    cached_bytes: int  # parameters that stay on the chip
    streamed_bytes: int  # parameters that are sent at every inference
    min_runtime_version: int


def read_package(custom_options: bytes) -> Package:
    """The package in the options of an `edgetpu-custom-op`.

    Raises BadModel where there is none, or not a whole one.
    """
    place = custom_options.find(IDENTIFIER)
    if place < 4:
        raise BadModel(f"edgetpu-custom-op: no DarwiNN package in its {len(custom_options)} bytes of options")
    try:
        package = _Table.root(custom_options[place - 4 :])
        executables = _Table.root(package.content(PACKAGE_EXECUTABLES)).contents(MULTI_EXECUTABLE_EXECUTABLES)
        sizes = [(table.short(EXECUTABLE_TYPE), table.length(EXECUTABLE_PARAMETERS)) for table in executables]
        runtime = package.integer(PACKAGE_MIN_RUNTIME)
    except struct.error as error:
        raise BadModel(f"edgetpu-custom-op: not a whole DarwiNN package ({error})") from None
    return Package(
        cached_bytes=sum(size for kind, size in sizes if kind == PARAMETER_CACHING),
        streamed_bytes=sum(size for kind, size in sizes if kind != PARAMETER_CACHING),
        min_runtime_version=runtime,
    )


@dataclass(frozen=True)
class _Table:
    """A FlatBuffers table at `place` of `data`; fields by number, as in the schema."""

    data: bytes
    place: int

    @classmethod
    def root(cls, content: bytes) -> "_Table":
        return cls(content, _uint(content, 0))

    def integer(self, field: int) -> int:
        at = self._field(field)
        return int(struct.unpack_from("<i", self.data, at)[0]) if at else 0

    def short(self, field: int) -> int:
        at = self._field(field)
        return int(struct.unpack_from("<h", self.data, at)[0]) if at else 0

    def length(self, field: int) -> int:
        """Of a vector; 0 where it is absent."""
        at = self._field(field)
        return _uint(self.data, at + _uint(self.data, at)) if at else 0

    def content(self, field: int) -> bytes:
        """A vector of bytes."""
        at = self._field(field)
        return _bytes(self.data, at + _uint(self.data, at)) if at else b""

    def contents(self, field: int) -> list["_Table"]:
        """Tables that stand serialized in a vector of strings."""
        at = self._field(field)
        if not at:
            return []
        vector = at + _uint(self.data, at)
        count = min(_uint(self.data, vector), len(self.data) // 4)
        places = range(vector + 4, vector + 4 + 4 * count, 4)
        return [_Table.root(_bytes(self.data, place + _uint(self.data, place))) for place in places]

    def _field(self, field: int) -> int:
        """The place of a field; 0 where it is absent."""
        table = self.place - struct.unpack_from("<i", self.data, self.place)[0]
        if table < 0 or 4 + 2 * field >= struct.unpack_from("<H", self.data, table)[0]:
            return 0
        offset = struct.unpack_from("<H", self.data, table + 4 + 2 * field)[0]
        return int(self.place + offset) if offset else 0


def _uint(content: bytes, place: int) -> int:
    return int(struct.unpack_from("<I", content, place)[0])


def _bytes(content: bytes, place: int) -> bytes:
    return content[place + 4 : place + 4 + _uint(content, place)]
