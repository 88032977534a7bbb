"""requirements.txt: of the repository's lock file, what a server with one runtime needs, pinned and hashed.

What is needed is found by walking the installed distributions' own requirements. Markers of platforms are not judged
here, as the target may be another one: whatever the lock file has stays in, with the marker it has there.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from edge.device.errors import Unavailable

# The distribution of each runtime that can serve, by name in `edge.device.runtimes.RUNTIMES`.
DISTRIBUTIONS = {"litert": "ai-edge-litert", "onnxruntime": "onnxruntime", "openvino": "openvino"}

_DIRECT = (
    "numpy",
    "pillow",
)  # what edge.device imports besides; the rest of the project's own list is the command line's
_HEAD = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==", re.MULTILINE)


def requirements_for(runtime: str, repository: Path) -> str:
    """The lines of `repository`'s requirements.lock that a server with `runtime` needs.

    Raises Unavailable where the repository's files are not there, or the lock file lacks what pyproject.toml names.
    """
    project = tomllib.loads(_read(repository / "pyproject.toml"))["project"]
    wanted = {canonicalize_name(Requirement(line).name) for line in project["optional-dependencies"]["serve"]}
    others = {canonicalize_name(name) for name in DISTRIBUTIONS.values()}
    roots = (wanted - others) | {DISTRIBUTIONS[runtime], *_DIRECT}
    locked = _parse(_read(repository / "requirements.lock"))
    missing = sorted(roots - locked.keys())
    if missing:
        raise Unavailable(f"{repository / 'requirements.lock'}: lacks {', '.join(missing)}; lock anew with: make lock")
    needed = _closure(roots)
    return "".join(text for name, text in locked.items() if name in needed)


def _parse(lock: str) -> Mapping[str, str]:
    """Each distribution's lines, all its versions' where the lock file has several, by canonical name."""
    starts = list(_HEAD.finditer(lock))
    ends = [each.start() for each in starts[1:]] + [len(lock)]
    found: dict[str, str] = {}
    for head, end in zip(starts, ends, strict=True):
        name = canonicalize_name(head[1])
        found[name] = found.get(name, "") + lock[head.start() : end]
    return found


def _closure(roots: set[str]) -> set[str]:
    """Canonical names of `roots` and of all that they require, by what is installed here."""
    seen: set[tuple[str, str]] = set()
    waiting = [(name, "") for name in roots]
    while waiting:
        distribution = waiting.pop()
        if distribution not in seen:
            seen.add(distribution)
            waiting += _required(*distribution)
    return {name for name, _ in seen}


def _required(name: str, extra: str) -> Iterator[tuple[str, str]]:
    """What the distribution `name`, with `extra` or "" for none, requires: pairs of name and extra."""
    try:
        lines = requires(name) or []
    except PackageNotFoundError:  # of another platform
        return
    for line in lines:
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is not None and "extra" in str(marker) and not marker.evaluate({"extra": extra}):
            continue
        child = canonicalize_name(requirement.name)
        yield child, ""
        for each in requirement.extras:
            yield child, each


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Unavailable(
            f"{path}: not there ({error.strerror}); a package is made in a clone of the repository"
        ) from None
