"""JSON of ours as frozen dataclasses: every field is held against its annotation."""

from __future__ import annotations

import reprlib
import sys
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

Made = TypeVar("Made")


def from_json(kind: type[Made], value: Any, where: str = "") -> Made:
    """The dataclass `kind` with the values of the JSON object `value`; lists become tuples, whole numbers floats.

    Fields may be str, int (of 64 bits), float (finite), Literal, tuples of these, of a length or of any, and
    dataclasses. `where` is the name of the object in messages.
    Raises ValueError that names the field, what was received and what was expected.
    """
    if not isinstance(value, dict):
        raise _unexpected(where or "all of it", value, "an object")
    hints, prefix = get_type_hints(kind), f"{where}." if where else ""
    for name in value.keys() - hints.keys():
        raise ValueError(f"{prefix}{name}: no such field; expected {', '.join(hints)}")
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name not in value and field.default is MISSING:
            raise ValueError(f"{prefix}{field.name}: missing")
    return kind(**{name: _value(hints[name], each, f"{prefix}{name}") for name, each in value.items()})


def _value(kind: Any, value: Any, where: str) -> Any:
    if is_dataclass(kind):
        return from_json(kind, value, where)  # type: ignore[arg-type]
    if get_origin(kind) is tuple:
        return _tuple(get_args(kind), value, where)
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise _unexpected(where, value, f"one of {', '.join(get_args(kind))}")
        return value
    words, is_one = _PLAIN[kind]
    if not is_one(value):
        raise _unexpected(where, value, words)
    return kind(value)


def _tuple(kinds: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _unexpected(where, value, "a list")
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(value)
    if len(value) != len(kinds):
        raise _unexpected(where, value, f"a list of {len(kinds)}")
    return tuple(_value(kind, each, f"{where}[{at}]") for at, (kind, each) in enumerate(zip(kinds, value)))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _is_integer(value: Any) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


# What is expected in words, and whether a value is one; true and false are no numbers.
_PLAIN: dict[Any, tuple[str, Any]] = {
    str: ("text", _is_text),
    int: ("a whole number", _is_integer),
    float: ("a number", _is_number),
}


def _unexpected(where: str, value: Any, expected: str) -> ValueError:
    return ValueError(f"{where}: received {reprlib.repr(value)}, expected {expected}")
