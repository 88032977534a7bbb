"""The file that a device's bench writes, and that a report reads: how fast the model ran there, and what it answered.

One file for each model in each runtime, run/devices/<name>.json. Labels are positions in the contract's labels, logits
are real numbers in their order.
"""

from __future__ import annotations

import hashlib
import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from edge.device.errors import BadArtifact
from edge.device.files import read_json, write_json

FORMAT = 1

_REMEDY = "run the device's bench again"
_DIGEST = 64  # hexadecimal digits of a SHA-256
_LARGEST = 3.4e38  # of a real number: float32's, in which logits are compared
_LARGEST_WHOLE = 2**53 - 1  # which every reader of JSON keeps (RFC 8259, section 6)


@dataclass(frozen=True)
class Answered:
    """What the device answered on pictures, one label each; `logits` holds all its scores where it kept them.

    `pictures`: their `picture_digest`; empty for the golden vectors, which have their own order.
    """

    labels: tuple[int, ...]
    logits: tuple[tuple[float, ...], ...] | None = None
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Latency:
    """Milliseconds from raw bytes to logits, one picture: the median, and what 90 and 99 of 100 take at most."""

    p50: float
    p90: float
    p99: float


@dataclass(frozen=True)
class Bench:
    """What a device measured of the model file whose SHA-256 is `sha256`, in `runtime`.

    `versions`: of the runtime and of what it stands on, by name. `load_ms`: milliseconds from the file to the first
    answer. `peak_bytes`: the most memory of the process. `temperature`: degrees Celsius of the hottest sensor at the
    end, None where there is none. `throttled`: whether the device slowed itself down, None where it does not tell.
    `golden`: answers on the inputs of golden.npz. `blind_test`: on pictures that are known by their digests.
    """

    device: str
    board: str
    runtime: str
    versions: Mapping[str, str]
    sha256: str
    latency_ms: Latency
    load_ms: float
    peak_bytes: int
    temperature: float | None
    throttled: bool | None
    golden: Answered
    blind_test: Answered | None = None


def picture_digest(pixels: bytes) -> str:
    """What a picture goes by: the hexadecimal SHA-256 of the bytes of its uint8 [h, w, c]."""
    return hashlib.sha256(pixels).hexdigest()


def write_bench(path: Path, bench: Bench) -> None:
    """Write `bench` to `path`, whole or not at all."""
    write_json(path, {"format": FORMAT, **asdict(bench)})


def read_bench(path: Path) -> Bench:
    """The bench file at `path`.

    Raises BadArtifact, with the field's name, where it is missing, is of another format, lacks a field, has one that is
    not known, or one whose value cannot be.
    """
    body = read_json(path, _REMEDY)
    try:
        return _bench(body)
    except _Wrong as wrong:
        raise BadArtifact(f"{path}: {wrong}; {_REMEDY}") from None


class _Wrong(Exception):
    """A field that is not what it has to be."""

    def __init__(self, field: str, value: object, expected: str) -> None:
        received = reprlib.repr(value)  # which goes only so deep
        super().__init__(
            f"{_printable(field)}: received {received[:60]}{'…' * (len(received) > 60)}, expected {expected}"
        )


def _bench(body: Any) -> Bench:
    found = _object(body, "the file", {"format", *(field.name for field in fields(Bench))})
    if found["format"] != FORMAT:
        raise _Wrong("format", found["format"], f"{FORMAT}, which this version of Edgewise reads")
    versions = found["versions"]
    if not isinstance(versions, dict) or not all(_is_text(each) for pair in versions.items() for each in pair):
        raise _Wrong("versions", versions, "an object of texts")
    if not (isinstance(found["sha256"], str) and _is_digest(found["sha256"])):
        raise _Wrong("sha256", found["sha256"], f"{_DIGEST} hexadecimal digits")
    throttled = found["throttled"]
    if throttled is not None and not isinstance(throttled, bool):
        raise _Wrong("throttled", throttled, "true, false or null")
    blind_test = found["blind_test"]
    return Bench(
        device=_text(found, "device"),
        board=_text(found, "board"),
        runtime=_text(found, "runtime"),
        versions=versions,
        sha256=found["sha256"],
        latency_ms=_latency(found["latency_ms"]),
        load_ms=_number(found["load_ms"], "load_ms", low=0),
        peak_bytes=_whole(found["peak_bytes"], "peak_bytes"),
        temperature=None if found["temperature"] is None else _number(found["temperature"], "temperature", low=-273.15),
        throttled=throttled,
        golden=_answered(found["golden"], "golden", named=False),
        blind_test=None if blind_test is None else _answered(blind_test, "blind_test", named=True),
    )


def _latency(value: Any) -> Latency:
    found = _object(value, "latency_ms", {"p50", "p90", "p99"})
    p50, p90, p99 = (_number(found[name], f"latency_ms.{name}", low=0) for name in ("p50", "p90", "p99"))
    if not p50 <= p90 <= p99:
        raise _Wrong("latency_ms", value, "p50 <= p90 <= p99")
    return Latency(p50=p50, p90=p90, p99=p99)


def _answered(value: Any, name: str, *, named: bool) -> Answered:
    found = _object(value, name, {"labels", "logits", "pictures"})
    labels = tuple(_whole(each, f"{name}.labels") for each in _list(found["labels"], f"{name}.labels"))
    pictures = tuple(_list(found["pictures"], f"{name}.pictures"))
    if len(pictures) != (len(labels) if named else 0):
        expected = f"{len(labels)} digests, one for each label" if named else "none: golden vectors have an order"
        raise _Wrong(f"{name}.pictures", pictures, expected)
    for each in pictures:
        if not (isinstance(each, str) and _is_digest(each)):
            raise _Wrong(f"{name}.pictures", each, f"{_DIGEST} hexadecimal digits")
    if len(set(pictures)) != len(pictures):
        raise _Wrong(f"{name}.pictures", pictures, "each picture once")
    logits = None if found["logits"] is None else _logits(found["logits"], f"{name}.logits", labels)
    return Answered(labels=labels, logits=logits, pictures=pictures)


def _logits(value: Any, name: str, labels: tuple[int, ...]) -> tuple[tuple[float, ...], ...]:
    """Rows of one length, the largest of each at its label."""
    rows = tuple(tuple(_number(each, name) for each in _list(row, name)) for row in _list(value, name))
    if len(rows) != len(labels):
        raise _Wrong(name, f"{len(rows)} rows", f"{len(labels)}, one for each label")
    for row, label in zip(rows, labels):
        if len(row) != len(rows[0]):
            raise _Wrong(name, row, f"{len(rows[0])} numbers, as in the first row")
        if label >= len(row) or row[label] < max(row):
            raise _Wrong(name, row, f"the largest at position {label}, which is the label answered")
    return rows


def _object(value: Any, name: str, keys: set[str]) -> dict[str, Any]:
    """`value`, an object of exactly these keys."""
    if not isinstance(value, dict):
        raise _Wrong(name, value, "an object")
    prefix = "" if name == "the file" else f"{name}."
    for key in sorted(keys - value.keys()):
        raise _Wrong(f"{prefix}{key}", None, "a value: it is missing")
    for key in sorted(value.keys() - keys):
        raise _Wrong(f"{prefix}{key}", value[key], f"no such field: {', '.join(sorted(keys))}")
    return value


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise _Wrong(name, value, "a list")
    return value


def _text(found: dict[str, Any], name: str) -> str:
    value = found[name]
    if not _is_text(value) or not value.strip():
        raise _Wrong(name, value, "a text")
    return str(value)


def _is_text(value: Any) -> bool:
    """Whether it is a text that can be written: JSON's escapes can name halves of characters, which UTF-8 lacks."""
    return isinstance(value, str) and value == _printable(value)


def _printable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def _number(value: Any, name: str, low: float = -_LARGEST) -> float:
    # A number that is none (NaN) is not between any two.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= _LARGEST:
        raise _Wrong(name, value, f"a number from {low:g} to {_LARGEST:g}")
    return float(value)


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST_WHOLE:
        raise _Wrong(name, value, f"a whole number from 0 to {_LARGEST_WHOLE}")
    return value


def _is_digest(text: str) -> bool:
    return len(text) == _DIGEST and set(text) <= set("0123456789abcdef")
