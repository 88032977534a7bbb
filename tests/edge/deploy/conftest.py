"""A real sshd on loopback plays the device, and a proxy in front of it counts bytes and cuts the network."""

import asyncio
import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edge.deploy.address import Address
from edge.deploy.connection import connected
from edge.deploy.conversation import Device
from edge.deploy.deployment import Outcome, Report
from edge.deploy.deployment import deploy as deploy_over
from edge.deploy.package import read_package
from edge.deploy.plan import Settings
from edge.device.slots import Root

SSHD = Path("/usr/sbin/sshd")
SECONDS = 120

MakeBundle = Callable[..., Path]


@dataclass(frozen=True)
class Ssh:
    """`config`: of a client that knows the host `device` and has a key that is let in."""

    port: int
    config: Path
    host_key: Path
    folder: Path

    def config_for(self, port: int, known_hosts: str | None = None) -> Path:
        """The client's configuration with another port: a proxy's; and with other known hosts."""
        path = self.folder / f"config-{port}-{'' if known_hosts is None else hash(known_hosts)}"
        text = self.config.read_text().replace(f"Port {self.port}", f"Port {port}")
        if known_hosts is not None:
            other = path.with_suffix(".known")
            other.write_text(known_hosts)
            text = text.replace(str(self.folder / "known_hosts"), str(other))
        path.write_text(text)
        return path


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    error: str


Deploy = Callable[..., Ended]


@pytest.fixture(scope="session")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ssh]:
    """An ssh server of the current user, with a host key of its own."""
    if not SSHD.exists():
        pytest.skip(f"{SSHD} is missing: apt install openssh-server")
    folder = tmp_path_factory.mktemp("ssh")
    for name in ("host", "client"):
        make_ssh_key(folder / name)
    (folder / "authorized").write_text((folder / "client.pub").read_text())
    (folder / "authorized").chmod(0o600)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    (folder / "home").mkdir()
    port = free_port()
    settings = {
        "ListenAddress": f"127.0.0.1:{port}",
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "authorized",
        "PidFile": "none",
        "UsePAM": "no",
        "StrictModes": "no",
        "PermitRootLogin": "prohibit-password",
        "PasswordAuthentication": "no",
        "MaxStartups": "100",
        "Subsystem": "sftp internal-sftp",
        # A home of its own: no start-up file of whoever runs the tests, and a place for ~/edgewise.
        "SetEnv": f"HOME={folder}/home",
    }
    (folder / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    public = (folder / "host.pub").read_text()
    (folder / "known_hosts").write_text(f"device {public}")
    client = {
        "Hostname": "127.0.0.1",
        "HostKeyAlias": "device",
        "Port": port,
        "User": getpass.getuser(),
        "IdentityFile": folder / "client",
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": folder / "known_hosts",
        "GlobalKnownHostsFile": "/dev/null",
    }
    config = folder / "config"
    config.write_text("Host device*\n" + "".join(f"  {name} {value}\n" for name, value in client.items()))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "sshd_config"], stderr=log)
        try:
            wait_for(lambda: answers(port), lambda: (folder / "log").read_text())
            yield Ssh(port=port, config=config, host_key=folder / "host.pub", folder=folder)
        finally:
            process.terminate()
            process.wait()


def make_ssh_key(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def wait_for(condition: Callable[[], bool], why: Callable[[], str] = str, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, why()
        time.sleep(0.01)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """The device's folder, not there yet."""
    return Root(path=tmp_path / "device" / "edge wise; $(touch taken)")


@pytest.fixture
def deploy(ssh: Ssh, root: Root, tmp_path: Path) -> Deploy:
    """`edgewise deploy`, in a process of its own."""

    def run(bundle: Path, *options: object, config: Path | None = None, host: str = "device") -> Ended:
        words = [bundle, host, "--root", root.path, "--ssh-config", config or ssh.config]
        if "--python" not in options:
            words += ["--python", sys.executable]
        return edgewise("deploy", *words, *options, folder=tmp_path)

    return run


def edgewise(*words: object, folder: Path) -> Ended:
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, cwd=folder)
    return Ended(code=done.returncode, out=done.stdout, error=done.stderr)


@pytest.fixture(scope="session")
def public_key(signing_key: Path) -> Path:
    return signing_key.with_suffix(".pub.pem")


@pytest.fixture(scope="session")
def runner_says() -> Callable[[Root, str], dict[str, object]]:
    """What the installed runner prints, started by hand on the device."""

    def ask(root: Root, command: str) -> dict[str, object]:
        program = root.current / "edgewise-device.pyz"
        words = [sys.executable, str(program), command, "--root", str(root.path)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert isinstance(told, dict)
        return told

    return ask


@dataclass
class Proxy:
    """Between client and server. `up`: bytes that went to the server, over all connections. After `cut` bytes in both
    directions together the connection is reset, and all later ones with it; None never cuts."""

    port: int = 0
    cut: int | None = None
    up: int = 0
    passed: int = 0
    is_frozen: bool = False  # takes bytes, and passes none on
    places: list[int] = field(default_factory=list)  # of `passed`, after each piece
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None

    def start(self, to: int) -> None:
        ready = threading.Event()

        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            server = await asyncio.start_server(lambda r, w: self._connect(r, w, to), "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            async with server:
                await self._stop.wait()

        self._thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
        self._thread.start()
        assert ready.wait(10)

    def stop(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: int) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", to)
        both = (writer, far_writer)
        ways = [self._pump(reader, far_writer, True, both), self._pump(far_reader, writer, False, both)]
        await asyncio.gather(*ways)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        is_up: bool,
        both: tuple[asyncio.StreamWriter, ...],
    ) -> None:
        try:
            while not writer.is_closing() and (chunk := await reader.read(2**14)):
                if self.is_frozen:
                    continue
                if self.cut is not None:
                    chunk = chunk[: max(0, self.cut - self.passed)]
                self.passed += len(chunk)
                self.up += len(chunk) if is_up else 0
                self.places.append(self.passed)
                writer.write(chunk)
                await writer.drain()
                if self.cut is not None and self.passed >= self.cut:
                    break
        except ConnectionError:
            pass
        for each in both:
            each.close()


@pytest.fixture
def proxy(ssh: Ssh) -> Iterator[Callable[[int | None], Proxy]]:
    """Start a proxy that cuts after so many bytes."""
    started = []

    def start(cut: int | None = None) -> Proxy:
        made = Proxy(cut=cut)
        made.start(ssh.port)
        started.append(made)
        return made

    yield start
    for each in started:
        each.stop()


Push = Callable[..., Outcome]


@pytest.fixture(scope="session")
def push(ssh: Ssh) -> Push:
    """Deploy in this process: much quicker than a process each."""

    def run(
        bundle: Path,
        root: Root,
        *,
        config: Path | None = None,
        python: str = sys.executable,
        report: Report = lambda *_: None,
        **settings: Any,
    ) -> Outcome:
        async def carry_out() -> Outcome:
            async with connected(Address(host="device"), config or ssh.config) as connection:
                device = Device(connection=connection, name="device", python=python)
                chosen = Settings(root=str(root.path), **settings)
                return await deploy_over(device, read_package(bundle), chosen, report)

        return asyncio.run(carry_out())

    return run


@pytest.fixture(scope="session")
def once_installed(
    push: Push, make_bundle: MakeBundle, public_key: Path, tmp_path_factory: pytest.TempPathFactory
) -> Root:
    """A device with 1.0.0 in use, trusting `public_key`. Not to be changed: `installed` is a copy."""
    root = Root(path=tmp_path_factory.mktemp("installed") / "root")
    push(make_bundle(), root, key=public_key)
    return root


@pytest.fixture
def installed(once_installed: Root, root: Root) -> Root:
    shutil.copytree(once_installed.path, root.path, symlinks=True)
    return root
