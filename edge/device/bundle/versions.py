"""Versions as people write them: MAJOR.MINOR.PATCH, with -pre where it is not final (Semantic Versioning 2.0.0)."""

from __future__ import annotations

import re

from edge.device.errors import BadBundle

_NUMBER = r"(?:0|[1-9]\d{0,8})"
_PATTERN = re.compile(rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?", re.ASCII)

Key = tuple[int, int, int, tuple[tuple[int, int, str], ...]]


def version_key(version: str) -> Key:
    """What to compare versions by: 1.0.0-rc.2 < 1.0.0-rc.10 < 1.0.0 < 1.0.1 (section 11 of the specification).

    Raises BadBundle where it is no such version.
    """
    found = _PATTERN.fullmatch(version)
    if found is None:
        raise BadBundle(f"version {version[:40]!r}: expected MAJOR.MINOR.PATCH, such as 1.2.0 or 1.2.0-rc.1")
    major, minor, patch, pre = found.groups()
    return int(major), int(minor), int(patch), _precedence(pre)


def dotted_key(version: str) -> tuple[int, ...]:
    """The leading numbers of any version, such as a package's: "2.1.0rc1" gives (2, 1, 0)."""
    found = re.match(r"\d{1,9}(?:\.\d{1,9})*", version, re.ASCII)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def _precedence(pre: str | None) -> tuple[tuple[int, int, str], ...]:
    """Numbers before words, both before nothing at all: what is final comes last."""
    if pre is None:
        return ((2, 0, ""),)
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split("."))
