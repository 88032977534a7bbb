"""Who gets which bundle, and what happens when some do not take it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.deploy.address import Address
from edge.deploy.package import Package, read_package
from edge.device.bundle.description import Description, File, Need
from edge.device.errors import BadSetting
from edge.device.slots import Root, current_slot
from edge.fleet import state
from edge.fleet.inventory import Member, load_inventory
from edge.fleet.rollout import Terms, choose, roll_out

MakeBundle = Callable[..., Path]


def member(name: str, target: str = "cpu", board: str = "") -> Member:
    return Member(
        name=name, address=Address(host=name), target=target, board=board, root="", key=None, python="python3"
    )  # fmt: skip


def package(target: str = "cpu", board: str = "", version: str = "1.0.0") -> Package:
    description = Description(
        name="tiny", version=version, target=target, board=board, precision="int8", python="3.9",
        runtimes=(Need(runtime="litert", package="ai-edge-litert", version="1"),),
        files=(File(name="a", size=1, sha256="0" * 64),),
    )  # fmt: skip
    file = Path(f"{target}-{board}-{version}")
    return Package(file=file, size=1, sha256="0" * 64, description=description, described="0" * 64, runner=b"")


def test_each_device_gets_the_bundle_of_its_target_and_board() -> None:
    any_coral, dev_board = package("coral"), package("coral", "dev-board")
    members = [member("a", "coral"), member("b", "coral", "dev-board"), member("c", "jetson")]
    chosen = choose(members, [any_coral, dev_board])
    assert [each.package for each in chosen] == [any_coral, dev_board, None]
    assert chosen[2].words == "no bundle for jetson was given"


def test_two_bundles_for_the_same_devices_are_refused() -> None:
    with pytest.raises(BadSetting, match="both are for a; give one bundle for each target and board"):
        choose([member("a")], [package(version="1.0.0"), package(version="2.0.0")])


def test_name_that_is_unknown_is_refused() -> None:
    with pytest.raises(BadSetting, match="--only b: no such device; there are a"):
        choose([member("a")], [package()], only=["b"])


@settings(max_examples=50)
@given(st.integers(1, 60), st.floats(0.1, 100), st.floats(0.1, 100))
def test_more_percent_leave_out_nobody_who_had_its_turn(count: int, first: float, second: float) -> None:
    members = [member(f"device-{number}") for number in range(count)]
    few, many = (
        {each.member.name for each in choose(members, [package()], percent) if each.package}
        for percent in sorted((first, second))
    )
    assert few <= many
    assert len(few) >= 1 and abs(len(few) - count * min(first, second) / 100) < 1


def in_use(root: Path) -> str | None:
    from edge.device.bundle import read_description

    slot = current_slot(Root(path=root))
    return read_description(slot).version if slot else None


def test_failing_devices_stop_the_roll_out_and_ones_that_are_off_do_not(
    ssh: Any, devices: Callable[..., Path], make_bundle: MakeBundle, tmp_path: Path
) -> None:
    members = load_inventory(devices(off1="cpu", off2="cpu", a="cpu", b="cpu", c="cpu"))
    broken = read_package(make_bundle(version="2.0.0", broken=True))
    with state.opened(tmp_path / "state") as database:
        terms = Terms(at_once=1, stop_after=1)
        ended = asyncio.run(roll_out(choose(members, [broken]), database, ssh.config, terms, lambda *_: None))
        assert [each.result for each in ended] == ["unreachable", "unreachable", "failed", "failed", "not started"]
        assert "the self-test failed" in ended[2].words and "2 devices failed before it" in ended[4].words
        assert database.execute("SELECT outcome FROM deployment ORDER BY id").fetchall() == [
            ("unreachable",), ("unreachable",), ("failed",), ("failed",),
        ]  # fmt: skip


def test_command_deploys_to_all_and_status_tells_of_all(
    fleet: Callable[..., Any], devices: Callable[..., Path], make_bundle: MakeBundle, tmp_path: Path
) -> None:
    file = devices(a="cpu", b="cpu", coral="coral", off="cpu")
    done = fleet("deploy", file, make_bundle(), "--dry-run", "--only", "a")
    assert done.returncode == 0, done.stderr
    assert "runner, enroll, bundle, install, tidy" in done.stdout and not (tmp_path / "a").exists()

    done = fleet("deploy", file, make_bundle())
    assert done.returncode == 3
    assert [in_use(tmp_path / name) for name in ("a", "b", "coral")] == ["1.0.0", "1.0.0", None]
    assert "no bundle for coral was given" in done.stdout and "unreachable" in done.stdout
    assert "not every device got its bundle" in done.stderr
    assert (tmp_path / "devices.sqlite").exists()

    done = fleet("status", file, "--json", "--html", "fleet.html")
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert [rows[name]["state"] for name in rows] == ["installed", "installed", "empty", "unreachable"]
    assert (rows["a"]["told"]["version"], rows["a"]["told"]["slot"]) == ("1.0.0", "a")
    assert rows["a"]["deployment"] == "tiny 1.0.0 installed" and "nothing listens" in rows["off"]["problem"]
    assert "2 of 4 devices are well" in (tmp_path / "fleet.html").read_text()

    done = fleet("status", file)
    assert done.returncode == 0 and "tiny 1.0.0" in done.stdout and "unreachable" in done.stdout
    assert "off  " in done.stderr


def test_command_says_what_it_cannot_use(
    fleet: Callable[..., Any], devices: Callable[..., Path], tmp_path: Path
) -> None:
    file = devices(a="cpu")
    (tmp_path / "bad.bundle").write_text("nonsense")
    refused = fleet("deploy", file, "bad.bundle")
    assert refused.returncode == 2 and "not a bundle, or altered" in refused.stderr
    refused = fleet("deploy", file, "bad.bundle", "--rollout", "most")
    assert refused.returncode == 2 and "expected a percentage" in refused.stderr
