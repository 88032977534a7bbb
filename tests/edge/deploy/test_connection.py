"""Who the device is, is never taken for granted, and a network that is dead is noticed and said."""

import asyncio
import hashlib
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from edge.deploy import connection
from edge.deploy.address import Address
from edge.deploy.connection import connected
from edge.deploy.conversation import Device, ask
from edge.deploy.seen import look
from edge.deploy.upload import upload
from edge.device.errors import BadSetting, Unavailable, Unreachable

DEVICE = Address(host="device")


def connect(config: Path | None, address: Address = DEVICE) -> str:
    """The host's name, asked over a connection."""

    async def run() -> str:
        async with connected(address, config) as made:
            return str((await made.run("echo here")).stdout).strip()

    return asyncio.run(run())


def test_host_that_is_known_is_connected_to(ssh: Any) -> None:
    assert connect(ssh.config) == "here"


@pytest.mark.parametrize("known", ["", "another {key}"])
def test_host_that_is_not_known_is_refused(ssh: Any, known: str) -> None:
    config = ssh.config_for(ssh.port, known.format(key=ssh.host_key.read_text()))
    fingerprint = asyncssh.read_public_key(ssh.host_key).get_fingerprint()
    with pytest.raises(Unreachable, match="its host key is not known") as caught:
        connect(config)
    assert fingerprint in str(caught.value) and "Log in once with ssh" in str(caught.value)


def test_host_whose_key_has_changed_is_refused(ssh: Any) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with pytest.raises(Unreachable, match=r"its host key has changed: SHA256:.* ssh-keygen -R"):
        connect(ssh.config_for(ssh.port, f"device {other}"))


def test_check_of_host_keys_cannot_be_turned_off(ssh: Any, tmp_path: Path) -> None:
    text = ssh.config.read_text().replace(str(ssh.folder / "known_hosts"), "none")
    (tmp_path / "config").write_text(f"{text}  StrictHostKeyChecking no\n")
    with pytest.raises(Unreachable, match="its host key is not known"):
        connect(tmp_path / "config")


def test_key_that_is_not_let_in_says_how_to_put_one_there(ssh: Any, tmp_path: Path) -> None:
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "other")
    (tmp_path / "config").write_text(
        ssh.config.read_text().replace(str(ssh.folder / "client"), str(tmp_path / "other"))
    )
    with pytest.raises(Unreachable, match=r"lets no key of yours in .*ssh-copy-id device"):
        connect(tmp_path / "config")


def test_port_that_nothing_listens_at_is_said(ssh: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable, match="nothing listens at that port"):
            connect(ssh.config_for(taken.getsockname()[1]))


def test_host_that_says_nothing_is_given_up(ssh: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LOGIN_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable, match="no answer; is it on"):
        connect(ssh.config_for(silent.getsockname()[1]))


def test_configuration_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="not there; expected a file like"):
        connect(tmp_path / "nowhere")
    (tmp_path / "config").write_text("Host *\n  Port many\n")
    with pytest.raises(BadSetting, match=r"the ssh configuration cannot be used: .*Port"):
        connect(tmp_path / "config")


def test_network_that_dies_is_noticed(
    ssh: Any, proxy: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing is cut: bytes just come no more, as when somebody pulls the cable."""
    monkeypatch.setattr(connection, "KEEPALIVE_SECONDS", 0.1)
    monkeypatch.setattr(connection, "KEEPALIVE_COUNT", 3)
    made = proxy()

    async def run() -> None:
        async with connected(DEVICE, ssh.config_for(made.port)) as link:
            device = Device(connection=link, name="device", python=sys.executable)
            await look(device, str(tmp_path))
            made.is_frozen = True
            await ask(device, ["-c", "print('{}')"], 60)

    with pytest.raises(Unavailable, match="the connection was lost"):
        asyncio.run(run())


def test_words_of_a_start_up_file_are_said_to_be_in_the_way(ssh: Any) -> None:
    async def run() -> None:
        async with connected(DEVICE, ssh.config) as link:
            await ask(Device(connection=link, name="device", python="echo"), ["welcome\x1b[2J"], 10)

    with pytest.raises(Unavailable, match="does a start-up file of its shell print something") as caught:
        asyncio.run(run())
    assert "\x1b" not in str(caught.value)


def test_program_that_says_nothing_in_time_is_given_up(ssh: Any) -> None:
    async def run() -> None:
        async with connected(DEVICE, ssh.config) as link:
            await ask(Device(connection=link, name="device", python="sleep"), ["20"], 0.2)

    with pytest.raises(Unavailable, match=r"no answer for 0\.2 s"):
        asyncio.run(run())


def test_program_that_is_killed_is_said_to_be(ssh: Any) -> None:
    async def run() -> None:
        async with connected(DEVICE, ssh.config) as link:
            await ask(Device(connection=link, name="device", python="sh"), ["-c", "echo '{}'; kill -9 $$"], 10)

    with pytest.raises(Unavailable, match=r"the program there was killed \(too little memory\?\)"):
        asyncio.run(run())


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "x" * 64])
def test_name_that_cannot_be_looked_up_is_said(host: str, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("")
    with pytest.raises(Unreachable, match="no connection"):
        connect(tmp_path / "config", Address(host=host))


def test_two_uploads_of_the_same_file_at_once_are_one_file(ssh: Any, tmp_path: Path) -> None:
    """Without the lock that a deployment has."""
    content = bytes(range(256)) * 2**12
    digest = hashlib.sha256(content).hexdigest()
    place = tmp_path / "incoming" / "file"

    async def one(link: asyncssh.SSHClientConnection) -> int | BaseException:
        device = Device(connection=link, name="device", python=sys.executable)
        return await upload(device, content, len(content), digest, str(place), lambda *_: None)

    async def both() -> list[int | BaseException]:
        async with connected(DEVICE, ssh.config) as first, connected(DEVICE, ssh.config) as second:
            return await asyncio.gather(one(first), one(second), return_exceptions=True)

    ended = asyncio.run(both())
    assert place.read_bytes() == content
    assert any(isinstance(each, int) for each in ended)
    assert [path.name for path in place.parent.iterdir()] == ["file"]


def test_upload_onto_a_full_disk_is_one_sentence(ssh: Any, tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a small file system")
    content = b"x" * 2**20

    async def run() -> None:
        async with connected(DEVICE, ssh.config) as link:
            device = Device(connection=link, name="device", python=sys.executable)
            digest = hashlib.sha256(content).hexdigest()
            await upload(device, content, len(content), digest, str(tmp_path / "file"), lambda *_: None)

    try:
        with pytest.raises(Unavailable, match="No space left on device"):
            asyncio.run(run())
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
