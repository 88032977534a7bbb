"""A connection by the user's own ssh configuration, keys, agent and known hosts; what goes wrong is a sentence.

A host whose key is not known, or is another one than before, is refused whatever the configuration says.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh

from edge.deploy.address import Address
from edge.device.errors import BadSetting, Unavailable, Unreachable

CONNECT_SECONDS = 15.0  # until the network answers
LOGIN_SECONDS = 30.0  # until the user is let in: small boards compute keys slowly
# A network that is dead is noticed after 5 s times 6.
KEEPALIVE_SECONDS = 5.0
KEEPALIVE_COUNT = 6


@asynccontextmanager
async def connected(address: Address, ssh_config: Path | None = None) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """A connection to the device at `address`, closed in the end.

    Raises Unreachable where none comes about, Unavailable where it is lost later, BadSetting where the ssh
    configuration cannot be used.
    """
    doubt = _Doubt()
    options = await _options(address, ssh_config, doubt)
    try:
        # Given here, as what is set in the options is read anew from the configuration.
        connection = await asyncssh.connect(
            address.host,
            options=options,
            known_hosts=doubt.known_hosts,
            connect_timeout=options.connect_timeout or CONNECT_SECONDS,
        )
    except (asyncssh.Error, OSError, ValueError) as error:  # ValueError: no name that can be looked up
        raise Unreachable(f"{address}: {doubt.words or _why(error, address)}") from None
    try:
        yield connection
    except (asyncssh.Error, ConnectionError) as error:
        raise Unavailable(
            f"{address}: the connection was lost ({_reason(error)}); the device keeps a version that works: run the "
            "same command again, what has arrived is not sent twice"
        ) from None
    finally:
        connection.abort()  # at once: nothing is left to say, and a dead network would not take a farewell


class _Doubt(asyncssh.SSHClient):
    """Asked by asyncssh about a host key that it does not know, it refuses, and keeps why."""

    def __init__(self) -> None:
        self.known_hosts = asyncssh.SSHKnownHosts()
        self.words = ""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        name = host if port == 22 else f"[{host}]:{port}"
        known = self.known_hosts.match(host, addr, port)[0]
        if known:
            self.words = (
                f"its host key has changed: {key.get_fingerprint()} now. Somebody may stand in between. Where the "
                f"device was set up anew, forget the old key with: ssh-keygen -R '{name}', then log in once with ssh"
            )
        else:
            self.words = (
                f"its host key is not known: {key.get_fingerprint()}. Log in once with ssh, compare the fingerprint "
                "with the one on the device (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), and say yes"
            )
        return False


async def _options(address: Address, ssh_config: Path | None, doubt: _Doubt) -> asyncssh.SSHClientConnectionOptions:
    if ssh_config is not None and not ssh_config.is_file():
        raise BadSetting(f"{ssh_config}: not there; expected a file like ~/.ssh/config")
    try:
        options: asyncssh.SSHClientConnectionOptions = await asyncssh.SSHClientConnectionOptions.construct(
            host=address.host,
            port=address.port if address.port is not None else (),
            username=address.user if address.user is not None else (),
            config=[ssh_config] if ssh_config is not None else (),
            client_factory=lambda: doubt,
            login_timeout=LOGIN_SECONDS,
            keepalive_interval=KEEPALIVE_SECONDS,
            keepalive_count_max=KEEPALIVE_COUNT,
        )
    except (asyncssh.ConfigParseError, asyncssh.KeyImportError, ValueError, OSError) as error:
        raise BadSetting(f"{address}: the ssh configuration cannot be used: {_reason(error)}; put it right") from None
    try:
        doubt.known_hosts = _known_hosts(options.known_hosts)
    except (ValueError, OSError) as error:
        raise BadSetting(f"{address}: the known hosts cannot be read: {_reason(error)}; put them right") from None
    return options


def _known_hosts(named: object) -> asyncssh.SSHKnownHosts:
    """The known hosts of the files that the configuration names, else of ~/.ssh/known_hosts; files that are not there
    know none, and "none", which turns the check off, does so too."""
    names = [str(each) for each in named] if isinstance(named, list | tuple) and named else []
    if not names and named is not None:
        names = ["~/.ssh/known_hosts", "~/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts"]
    files = [path for path in (Path(name).expanduser() for name in names) if path.is_file()]
    return asyncssh.import_known_hosts("".join(f"{path.read_text(errors='replace')}\n" for path in files))


def _why(error: Exception, address: Address) -> str:
    if isinstance(error, asyncssh.PermissionDenied):
        return (
            f"the device lets no key of yours in ({_reason(error)}); put one there with: ssh-copy-id {address}, or "
            "name another user"
        )
    if isinstance(error, TimeoutError) or "timeout" in str(error):
        return "no answer; is it on, and in this network? Try: ssh, and ping"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens at that port; is its ssh server running?"
    if isinstance(error, asyncssh.KeyExchangeFailed):
        return f"no way to talk that both know, or another host key than before ({_reason(error)}); try: ssh -v"
    return f"no connection ({_reason(error)}); try: ssh -v"


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
