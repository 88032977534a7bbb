"""What a server is told when it starts: by options of the command line, or by the environment in a container."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.device.errors import BadSetting

PREFIX = "EDGEWISE_"

# The names of the command line, and the runtimes of `edge.device.runtimes` that they mean.
RUNTIMES = {"litert": "litert", "onnx": "onnxruntime", "openvino": "openvino"}

_SHORTEST_KEY = 16  # characters; 96 bits in base64


@dataclass(frozen=True, kw_only=True)
class Settings:
    """`artifact` is a folder with a contract, or a run folder; bytes, pixels, seconds and counts as named.

    `queue` counts the requests that wait or are at work in one worker; those beyond are refused with 429.
    """

    artifact: Path
    runtime: str = "auto"
    queue: int = 8
    body_bytes: int = 10 * 2**20
    pixels: int = 50_000_000
    images: int = 16
    seconds: float = 10.0
    api_key_file: Path | None = None
    origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.runtime != "auto" and self.runtime not in RUNTIMES:
            raise BadSetting(f"runtime {self.runtime!r}: unknown; expected auto, {', '.join(RUNTIMES)}")
        for name in ("queue", "body_bytes", "pixels", "images", "seconds"):
            if not getattr(self, name) > 0:
                raise BadSetting(f"{name}: {getattr(self, name)}; expected a number above 0")

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> "Settings":
        """What EDGEWISE_ARTIFACT, EDGEWISE_QUEUE, ... say; raises BadSetting where one is not of its kind."""
        given = _given(cls, variables)
        if "artifact" not in given:
            raise BadSetting(f"{PREFIX}ARTIFACT: not set; expected the folder of an artefact, with its contract.json")
        return cls(**given)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where to listen, with how many processes; `certificate` and its `certificate_key`, PEM files, make it HTTPS."""

    host: str = "127.0.0.1"
    port: int = 3000
    workers: int = 1
    certificate: Path | None = None
    certificate_key: Path | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise BadSetting(f"port: {self.port}; expected 0 to 65,535")
        if not 1 <= self.workers <= 256:
            raise BadSetting(f"workers: {self.workers}; expected 1 to 256, about one a core")
        if self.certificate_key is not None and self.certificate is None:
            raise BadSetting(f"certificate_key: {self.certificate_key}, without a certificate; give both, or neither")

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certificate else 'http'}://{host}:{self.port}"

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> "Place":
        """What EDGEWISE_HOST, EDGEWISE_PORT, ... say; raises BadSetting where one is not of its kind."""
        return cls(**_given(cls, variables))


def environment(*values: Settings | Place) -> dict[str, str]:
    """`values` as the environment variables that their `from_environment` reads."""
    variables = {}
    for value in values:
        for field in dataclasses.fields(value):
            given = getattr(value, field.name)
            if given not in (None, ()):
                variables[PREFIX + field.name.upper()] = " ".join(given) if isinstance(given, tuple) else str(given)
    return variables


def read_keys(file: Path | None) -> tuple[bytes, ...]:
    """The API keys in `file`, one a line, so that a new one can be in use before the old one goes; none without a file.

    Raises BadSetting where the file cannot be read, is empty, or holds a key of less than 16 characters.
    """
    if file is None:
        return ()
    try:
        lines = file.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"{file}: cannot be read as API keys ({error}); expected one key a line, in ASCII") from None
    if not lines or min(map(len, lines)) < _SHORTEST_KEY:
        raise BadSetting(
            f"{file}: holds {'a key that is too short' if lines else 'no key'}; expected at least {_SHORTEST_KEY} "
            "characters a line, such as those of: openssl rand -base64 24"
        )
    return tuple(line.encode() for line in lines)


def _given(kind: type[Settings] | type[Place], variables: Mapping[str, str]) -> dict[str, Any]:
    """The fields of `kind` that `variables` have, each read as its kind; an empty one counts as not there."""
    fields = {}
    for field in dataclasses.fields(kind):
        name = PREFIX + field.name.upper()
        if text := variables.get(name):
            try:
                fields[field.name] = _READERS[field.name](text)
            except ValueError:
                raise BadSetting(f"{name}: {text!r}; expected a number") from None
    return fields


_READERS: Mapping[str, Callable[[str], Any]] = {
    "artifact": Path,
    "runtime": str,
    "queue": int,
    "body_bytes": int,
    "pixels": int,
    "images": int,
    "seconds": float,
    "api_key_file": Path,
    "origins": lambda text: tuple(text.split()),
    "host": str,
    "port": int,
    "workers": int,
    "certificate": Path,
    "certificate_key": Path,
}
