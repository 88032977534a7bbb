"""What `edgewise deploy` and `edgewise fleet` say where there is no device; tests/edge/deploy has one."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from edge.bundle.making import pack


def run(*words: object, folder: Path) -> "subprocess.CompletedProcess[str]":
    code = "from pipeline.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, cwd=folder, timeout=120
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["deploy", "nowhere.bundle", "pi@device"], "nowhere.bundle: not there; expected the file of a bundle"),
        (["deploy", "text.bundle", "pi@device"], "text.bundle: not a bundle, or altered"),
        (["deploy", "other.bundle", "pi@device"], "holds a where model.sig was expected"),
        (["deploy", "text.bundle", "-oProxyCommand=touch taken"], "no address of a device"),
        (["fleet", "status", "nowhere.toml"], "not there; expected the list of your devices"),
        (["fleet", "deploy", "text.bundle", "text.bundle"], "not TOML"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(words: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "text.bundle").write_text("nonsense")
    (tmp_path / "other.bundle").write_bytes(pack({"a": b"b"}))
    done = run(*words[:1], *(["--"] if words[0] == "deploy" else []), *words[1:], folder=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error ") and said in line
    assert not (tmp_path / "taken").exists()


def test_example_of_the_documentation_is_a_list_of_devices(tmp_path: Path) -> None:
    from edge.fleet.inventory import load_inventory

    text = (Path(__file__).parents[2] / "docs" / "devices.md").read_text()
    (tmp_path / "devices.toml").write_text(text.split("```toml\n")[1].split("```")[0])
    assert [member.name for member in load_inventory(tmp_path / "devices.toml")] == ["door", "gate"]


def test_fleet_of_devices_that_are_off_is_a_table(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        (tmp_path / "devices.toml").write_text(
            f'[[device]]\nname = "door"\nhost = "127.0.0.1"\nport = {port}\ntarget = "cpu"\n'
        )
        done = run("fleet", "status", "devices.toml", folder=tmp_path)
    assert done.returncode == 0
    assert "unreachable" in done.stdout and "never" in done.stdout
    assert "nothing listens at that port" in done.stderr
