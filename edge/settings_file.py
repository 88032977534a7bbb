"""TOML files of people, checked by pydantic: what is wrong is said with its key, and what was likely meant."""

import difflib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from edge.device.errors import EdgewiseError


def read_toml(path: Path, kind: type[EdgewiseError], where: str) -> dict[str, Any]:
    """The file's tables; raises `kind` where it is not there (`where` says where such files stand) or is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise kind(f"{path}: not there; {where}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise kind(f"{path}: not readable ({error}); expected a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise kind(f"{path}: not TOML: {error}") from None


def refusals(error: ValidationError, known_keys: Iterable[str]) -> list[str]:
    """A line for each thing that is wrong: its key, what was received and what was expected."""
    # One entry of a list that is refused makes the list too short as well: say the first alone.
    details = [each for each in error.errors() if each["type"] != "too_short" or error.error_count() == 1]
    return [_explain(detail, list(known_keys)) for detail in details]


def _explain(detail: ErrorDetails, known_keys: list[str]) -> str:
    key = ".".join(str(part) for part in detail["loc"] if not str(part).startswith(("function-", "literal[", "bool")))
    if detail["type"] == "unexpected_keyword_argument":
        near = difflib.get_close_matches(key, known_keys, n=1, cutoff=0.6)
        return f"{key}: unknown key" + (f"; did you mean {near[0]}?" if near else "")
    if detail["type"] in ("missing", "missing_argument", "missing_keyword_only_argument"):
        return f"{key}: missing"
    reason = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if detail["type"] == "value_error":
        return f"{key}: {reason}"
    return f"{key}: received {detail['input']!r}, expected {reason}"
