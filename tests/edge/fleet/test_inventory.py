from pathlib import Path

import pytest

from edge.deploy.address import Address
from edge.device.errors import BadSetting
from edge.fleet.inventory import load_inventory

WHOLE = """
[defaults]
user = "pi"
root = "/srv/edgewise"
key = "signing.pub.pem"

[[device]]
name = "door"
host = "10.0.0.17"
target = "cpu"

[[device]]
name = "gate"
host = "fe80::1"
port = 2222
user = "mendel"
target = "coral"
board = "dev-board"
root = ""
python = "~/env/bin/python"
"""


def load(tmp_path: Path, text: str) -> str:
    """What is said of it."""
    (tmp_path / "devices.toml").write_text(text)
    with pytest.raises(BadSetting) as caught:
        load_inventory(tmp_path / "devices.toml")
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_defaults_hold_where_a_device_does_not_say_otherwise(tmp_path: Path) -> None:
    (tmp_path / "devices.toml").write_text(WHOLE)
    door, gate = load_inventory(tmp_path / "devices.toml")
    assert (door.address, door.root, door.python) == (Address(host="10.0.0.17", user="pi"), "/srv/edgewise", "python3")
    assert door.key == gate.key == tmp_path / "signing.pub.pem"
    assert gate.address == Address(host="fe80::1", user="mendel", port=2222)
    assert (gate.board, gate.root, gate.python) == ("dev-board", "", "~/env/bin/python")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("user = ", "usr = ", "devices.toml: defaults.usr: unknown key; did you mean defaults.user?"),
        ('host = "10', 'hots = "10', "devices.toml: device.0.hots: unknown key; did you mean device.host?"),
        ('target = "cpu"', "", "devices.toml: device.0.target: missing"),
        ('"cpu"', '"mcu"', "devices.toml: device.0.target: received 'mcu', expected 'cpu', 'coral', 'jetson' or"),
        ('"dev-board"', '"pi-9"', "device.1: board 'pi-9': unknown to the target coral; expected one of "),
        ("2222", "0", "device.1.port: received 0, expected greater than or equal to 1"),
        ('"gate"', '"door"', "the name door stands there twice"),
        ('"door"', '"../door"', "device.0.name: received '../door', expected"),
        ('"10.0.0.17"', '"-oProxyCommand=id"', "a name does not start with a dash"),
        ("[[device]]", "[[device", "not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in WHOLE
    assert words in load(tmp_path, WHOLE.replace(old, new, 1))


def test_list_that_is_not_there_or_empty_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"not there; expected the list of your devices: docs/devices\.md"):
        load_inventory(tmp_path / "nowhere.toml")
    assert "device: missing" in load(tmp_path, "[defaults]\n")
