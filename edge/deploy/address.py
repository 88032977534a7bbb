"""[user@]host[:port], as people name a device."""

import re
from dataclasses import dataclass

from edge.device.errors import BadSetting

_FORM = re.compile(
    r"(?:(?P<user>[^@\s:]+)@)?(?:\[(?P<address>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^@:\s\[\]]+))(?::(?P<port>\d+))?"
)


@dataclass(frozen=True, kw_only=True)
class Address:
    """`user` and `port` are None where the user's ssh configuration is to say them."""

    host: str
    user: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (f"{self.user}@" if self.user else "") + host + (f":{self.port}" if self.port else "")


def address_of(text: str) -> Address:
    """The address that `text` names: pi@device1, device1:2222, [fe80::1]:22.

    Raises BadSetting where it is none.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise BadSetting(f"{text!r}: no address of a device; expected [user@]host[:port], such as pi@device1")
    host = found["address"] or found["host"]
    if host.startswith("-") or (found["user"] or "").startswith("-"):
        raise BadSetting(f"{text!r}: no address of a device; a name does not start with a dash")
    port = int(found["port"]) if found["port"] else None
    if port is not None and not 1 <= port <= 65535:
        raise BadSetting(f"{text!r}: port {port}, expected 1 to 65535")
    return Address(host=host, user=found["user"], port=port)
