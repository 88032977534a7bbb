"""What stands beside logic and C++ made of a network: the numbers that go in and come out."""

from dataclasses import asdict, dataclass
from pathlib import Path

from edge.device.errors import BadArtifact
from edge.device.files import read_json, write_json
from edge.fixed_point.formats import Format
from edge.fixed_point.network import Front

NAME = "interface.json"


@dataclass(frozen=True, kw_only=True)
class Interface:
    """`shape`: height, width, channels of the bytes; `logits`: the one format of all `labels` numbers that come out."""

    shape: tuple[int, int, int]
    front: Front
    labels: int
    logits: Format


def write_interface(folder: Path, interface: Interface) -> None:
    """Write interface.json into `folder`."""
    write_json(folder / NAME, asdict(interface))


def read_interface(folder: Path) -> Interface:
    """Read interface.json of `folder`.

    Raises BadArtifact where it is missing or lacks a field.
    """
    body = read_json(folder / NAME)
    try:
        height, width, channels = body["shape"]
        return Interface(
            shape=(int(height), int(width), int(channels)),
            front=Front(**body["front"]),
            labels=int(body["labels"]),
            logits=Format(**body["logits"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadArtifact(f"{folder / NAME}: not an interface ({error}); export it again") from None
