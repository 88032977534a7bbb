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
    queue: int = 16
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

    def environment(self) -> dict[str, str]:
        """These settings as environment variables: `from_environment` reads them back."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        fields["origins"] = " ".join(self.origins)
        return {PREFIX + name.upper(): str(value) for name, value in fields.items() if value not in (None, "")}

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> "Settings":
        """Settings of a server that a container or a supervisor starts: EDGEWISE_ARTIFACT, EDGEWISE_QUEUE, ...

        Raises BadSetting where a variable is missing or not of its kind.
        """
        given = {
            field.name: variables[PREFIX + field.name.upper()]
            for field in dataclasses.fields(cls)
            if variables.get(PREFIX + field.name.upper())
        }
        if "artifact" not in given:
            raise BadSetting(f"{PREFIX}ARTIFACT: not set; expected the folder of an artefact, with its contract.json")
        return cls(**{name: _READERS[name](value) for name, value in given.items()})


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


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadSetting(f"{text!r}: expected a whole number") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadSetting(f"{text!r}: expected a number") from None


_READERS: Mapping[str, Callable[[str], Any]] = {
    "artifact": Path,
    "runtime": str,
    "queue": _whole,
    "body_bytes": _whole,
    "pixels": _whole,
    "images": _whole,
    "seconds": _number,
    "api_key_file": Path,
    "origins": lambda text: tuple(text.split()),
}
