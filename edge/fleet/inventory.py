"""devices.toml: which devices there are, where each is and what it runs.

[defaults]
user = "pi"
key = "signing.pub.pem"

[[device]]
name = "door"
host = "10.0.0.17"
target = "cpu"
board = "pi-5"
"""

from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from edge.boards import find_board
from edge.deploy.address import Address, address_of
from edge.device.errors import BadBoard, BadSetting
from edge.settings_file import read_toml, refusals

_STRICT = ConfigDict(extra="forbid", validate_default=True)

Text = Annotated[str, Field(min_length=1, max_length=255)]
Port = Annotated[int, Field(ge=1, le=65535)]
DeviceTarget = Literal["cpu", "coral", "jetson", "openvino"]


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Defaults:
    """What holds for each device that does not say otherwise. `root`: the device's folder; `key`: the public key that
    it is to trust, relative to devices.toml; `python`: its Python."""

    user: Text | None = None
    port: Port | None = None
    root: str = ""
    key: Path | None = None
    python: Text = "python3"


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Entry:
    """A device. `host`: its address, or its name in the ssh configuration."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    host: Text
    target: DeviceTarget
    board: Text | None = None
    user: Text | None = None
    port: Port | None = None
    root: str | None = None
    key: Path | None = None
    python: Text | None = None

    @model_validator(mode="after")
    def _known(self) -> "Entry":
        try:
            find_board(self.target, self.board)
            address_of(self.host if ":" not in self.host else f"[{self.host}]")
        except (BadBoard, BadSetting) as error:
            raise ValueError(str(error)) from None
        return self


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Inventory:
    device: Annotated[tuple[Entry, ...], Field(min_length=1)]
    defaults: Defaults = Defaults()

    @model_validator(mode="after")
    def _distinct(self) -> "Inventory":
        twice = [name for name, count in Counter(each.name for each in self.device).items() if count > 1]
        if twice:
            raise ValueError(f"the name {twice[0]} stands there twice; each device needs one of its own")
        return self


@dataclass(frozen=True, kw_only=True)
class Member:
    """A device of the fleet, with the defaults filled in."""

    name: str
    address: Address
    target: str
    board: str
    root: str
    key: Path | None
    python: str


_INVENTORY = TypeAdapter(Inventory)


def load_inventory(path: Path) -> tuple[Member, ...]:
    """The devices in the file, in its order.

    Raises BadSetting, naming the key.
    """
    table = read_toml(path, BadSetting, "expected the list of your devices: docs/devices.md")
    try:
        inventory = _INVENTORY.validate_python(table)
    except ValidationError as error:
        raise BadSetting("\n".join(f"{path}: {line}" for line in refusals(error, _KNOWN_KEYS))) from None
    return tuple(_member(entry, inventory.defaults, path.parent) for entry in inventory.device)


def _member(entry: Entry, defaults: Defaults, folder: Path) -> Member:
    key = entry.key or defaults.key
    return Member(
        name=entry.name,
        address=Address(host=entry.host, user=entry.user or defaults.user, port=entry.port or defaults.port),
        target=entry.target,
        board=entry.board or "",
        root=defaults.root if entry.root is None else entry.root,
        key=None if key is None else folder / key.expanduser(),
        python=entry.python or defaults.python,
    )


_KNOWN_KEYS = (
    "defaults",
    "device",
    *(f"{name}.{field.name}" for name, part in (("defaults", Defaults), ("device", Entry)) for field in fields(part)),
)
