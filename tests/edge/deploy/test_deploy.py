"""A bundle goes over ssh to a device, and comes into use there when it has proven itself."""

import asyncio
import fcntl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.bundle.signing import make_key
from edge.deploy import seen
from edge.deploy.deployment import Outcome
from edge.deploy.seen import Status
from edge.device.errors import BadBundle, EdgewiseError, ProofFailed, Unavailable
from edge.device.files import sha256_of
from edge.device.slots import Root, current_slot, name_device, server_of

MakeBundle = Callable[..., Path]
Push = Callable[..., Outcome]


def version_in_use(root: Root) -> str:
    slot = current_slot(root)
    assert slot is not None
    from edge.device.bundle import read_description

    return read_description(slot).version


def acts(outcome: Outcome) -> list[str]:
    return [step.act for step in outcome.plan.steps]


def tree(root: Root) -> dict[str, str]:
    """Every file's hash and every link's goal."""
    paths = sorted(root.path.rglob("*"))
    return {
        str(path): str(path.readlink()) if path.is_symlink() else sha256_of(path) for path in paths if path.exists()
    }


def test_first_deployment_onto_an_empty_device(
    deploy: Any, runner_says: Any, root: Root, make_bundle: MakeBundle, public_key: Path, tmp_path: Path
) -> None:
    done = deploy(make_bundle(), "--key", public_key)
    assert done.code == 0, done.error
    assert "verified tiny 1.0.0" in done.error and "self-test passed: 16 golden vectors" in done.error
    assert "tiny 1.0.0 is in use, slot a; 16 golden vectors matched" in done.error
    assert runner_says(root, "selftest")["ok"] is True
    # The runner stays, all else that was uploaded is gone; and no word of the path was taken for a command.
    names = sorted(path.name for path in root.incoming.iterdir())
    assert len(names) == 2 and names[0].startswith("edgewise-device-") and names[1] == "lock"
    assert not list(tmp_path.rglob("taken")) and not (Path.home() / "taken").exists()
    assert len(root.keys()) == 1


def test_newer_version_takes_the_other_slot_with_the_runner_that_is_there(
    push: Push, installed: Root, make_bundle: MakeBundle
) -> None:
    done = push(make_bundle(version="1.1.0"), installed)
    assert (acts(done), done.slot) == (["bundle", "install", "tidy"], "b")
    assert version_in_use(installed) == "1.1.0"


def test_old_runners_and_given_up_uploads_are_removed_and_nothing_else(
    push: Push, root: Root, make_bundle: MakeBundle, public_key: Path
) -> None:
    root.incoming.mkdir(parents=True)
    for name in (f"edgewise-device-{'0' * 12}.pyz", f"{'0' * 64}.bundle.partial", "mine.bundle"):
        (root.incoming / name).write_bytes(b"old")
    push(make_bundle(), root, key=public_key)
    names = {path.name for path in root.incoming.iterdir()}
    assert "mine.bundle" in names
    assert not {name for name in names if "000000" in name}


def test_same_version_again_is_said_and_sends_nothing(
    deploy: Any, push: Push, installed: Root, make_bundle: MakeBundle, public_key: Path
) -> None:
    start = time.perf_counter()
    assert push(make_bundle(), installed, key=public_key).plan.up_to_date
    assert time.perf_counter() - start < 3
    done = deploy(make_bundle())
    assert done.code == 0 and "up to date: device has tiny 1.0.0 in use" in done.error


def test_older_version_and_another_model_are_refused_unless_asked_for(
    push: Push, root: Root, make_bundle: MakeBundle, public_key: Path
) -> None:
    push(make_bundle(version="1.10.0"), root, key=public_key)
    before = tree(root)
    with pytest.raises(BadBundle, match=r"older than 1\.10\.0, which is installed; --allow-downgrade"):
        push(make_bundle(version="1.9.0"), root)
    with pytest.raises(BadBundle, match="this device runs tiny; --allow-downgrade"):
        push(make_bundle(name="other", version="2.0.0"), root)
    assert tree(root) == before
    push(make_bundle(version="1.9.0"), root, allow_downgrade=True)
    assert version_in_use(root) == "1.9.0"


def test_key_that_is_not_trusted_is_refused_before_anything_is_sent(
    push: Push, deploy: Any, root: Root, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    with pytest.raises(BadBundle, match="trusts no key yet; give it the public one with --key"):
        push(make_bundle(), root)
    other = make_key(tmp_path / "other.pem")
    refused = deploy(make_bundle(), "--key", other, host="nowhere.invalid")
    assert refused.code == 2 and "which is not trusted here" in refused.error
    assert not root.path.exists() or not root.trusted.exists()


def test_key_that_is_given_is_trusted_from_then_on(
    push: Push, installed: Root, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    other = make_key(tmp_path / "other.pem")
    foreign = make_bundle(key=tmp_path / "other.pem", version="2.0.0")
    with pytest.raises(BadBundle, match="which is not trusted here"):
        push(foreign, installed)
    assert version_in_use(installed) == "1.0.0"
    assert acts(push(foreign, installed, key=other))[0] == "enroll"
    assert version_in_use(installed) == "2.0.0"
    assert len(installed.keys()) == 2


def test_bundle_for_another_target_or_board_is_refused(push: Push, installed: Root, make_bundle: MakeBundle) -> None:
    with pytest.raises(BadBundle, match="for coral, this device is a cpu"):
        push(make_bundle(target="coral", version="2.0.0"), installed)
    installed.device.unlink()
    name_device(installed, "coral", "dev-board")
    with pytest.raises(BadBundle, match="for the board usb-accelerator, this is a dev-board"):
        push(make_bundle(target="coral", board="usb-accelerator", version="2.0.0"), installed)


def test_bundle_that_is_flashed_is_refused_without_a_device(deploy: Any, make_bundle: MakeBundle) -> None:
    refused = deploy(make_bundle(target="mcu"), host="nowhere.invalid")
    assert refused.code == 2 and "for mcu, whose artefacts are flashed, not deployed" in refused.error


def test_bundle_that_fails_its_self_test_leaves_the_old_one_in_use(
    push: Push, deploy: Any, installed: Root, make_bundle: MakeBundle
) -> None:
    refused = deploy(make_bundle(version="2.0.0", broken=True))
    assert refused.code == 3
    (error,) = [line for line in refused.error.splitlines() if line.startswith("error")]
    assert "device: tiny-2.0.0-cpu.bundle: the self-test failed" in error
    assert version_in_use(installed) == "1.0.0"
    with pytest.raises(ProofFailed):
        push(make_bundle(version="2.0.0", broken=True), installed)
    push(make_bundle(version="2.0.1"), installed)
    assert version_in_use(installed) == "2.0.1"
    assert not list(installed.incoming.glob("*.bundle*"))


def test_dry_run_changes_nothing_and_prints_the_plan(
    push: Push, deploy: Any, root: Root, make_bundle: MakeBundle, public_key: Path
) -> None:
    done = deploy(make_bundle(), "--key", public_key, "--dry-run")
    assert done.code == 0, done.error
    assert not root.path.exists()
    lines = [line.split(maxsplit=2) for line in done.out.splitlines()[1:-1]]
    assert [line[1] for line in lines] == ["runner", "enroll", "bundle", "install", "tidy"]
    assert f"upload the bundle, {make_bundle().stat().st_size:,} bytes" in done.out
    push(make_bundle(), root, key=public_key)
    before = tree(root)
    done = deploy(make_bundle(version="1.1.0"), "--dry-run")
    assert "switch to 1.1.0, 1.0.0 is kept" in done.out and "nothing was changed" in done.out
    assert deploy(make_bundle(version="0.1.0"), "--dry-run").code == 2
    assert tree(root) == before


def test_server_that_runs_takes_the_new_version_over(
    push: Push, installed: Root, make_bundle: MakeBundle, runner_says: Any
) -> None:
    program = installed.current / "edgewise-device.pyz"
    words = [sys.executable, str(program), "serve", "--root", str(installed.path), "--port", "0"]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for_version(installed, "1.0.0")
            said: list[str] = []
            outcome = push(make_bundle(version="1.1.0"), installed, report=lambda words, *_: said.append(words))
            assert "the server answers with 1.1.0" in said
            told = Status(**runner_says(installed, "status"))
            assert told.server is not None
            assert (told.server.state, told.server.version, told.slot) == ("serving", "1.1.0", outcome.slot)
            assert push(make_bundle(version="1.1.0"), installed).plan.up_to_date
        finally:
            server.terminate()


def wait_for_version(root: Root, version: str) -> None:
    end = time.monotonic() + 30
    while (server_of(root) or {}).get("version") != version:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_two_deployers_at_once_are_one_after_the_other_or_one(
    push: Push, installed: Root, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle(version="1.1.0")

    async def both() -> list[Outcome | BaseException]:
        tries = [asyncio.to_thread(push, bundle, installed) for _ in range(2)]
        return await asyncio.gather(*tries, return_exceptions=True)

    ended = asyncio.run(both())
    done = [each for each in ended if isinstance(each, Outcome)]
    assert [each.plan.up_to_date for each in done].count(False) == 1
    assert all("at work there" in str(each) for each in ended if isinstance(each, EdgewiseError))
    assert version_in_use(installed) == "1.1.0"
    assert not list(installed.incoming.glob("*.bundle*"))


def test_deployment_waits_for_no_other_for_ever(
    push: Push, installed: Root, make_bundle: MakeBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen, "DEPLOYMENT_SECONDS", 0.2)
    monkeypatch.setattr(seen, "INSTALL_SECONDS", 0.2)
    for name, other in ((Path("incoming", "lock"), "deployment"), (Path("lock"), "install, update or rollback")):
        with (installed.path / name).open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            with pytest.raises(Unavailable, match=f"another {other} is at work there; wait for it"):
                push(make_bundle(version="1.1.0"), installed)
    push(make_bundle(version="1.1.0"), installed)


def test_disk_that_is_too_small_is_one_sentence(
    push: Push, root: Root, make_bundle: MakeBundle, public_key: Path
) -> None:
    root.path.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(root.path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a small file system")
    try:
        with pytest.raises(Unavailable, match=r"bytes are free there, the deployment takes .*; free some"):
            push(make_bundle(), root, key=public_key)
    finally:
        subprocess.run(["umount", str(root.path)], check=True)


def test_device_without_python_is_one_sentence(
    push: Push, root: Root, make_bundle: MakeBundle, public_key: Path
) -> None:
    with pytest.raises(Unavailable, match=r"device: /nowhere/python3 is not there.*apt install python3"):
        push(make_bundle(), root, key=public_key, python="/nowhere/python3")
    assert not root.path.exists()


def test_folder_that_is_not_ours_is_one_sentence(
    push: Push, tmp_path: Path, make_bundle: MakeBundle, public_key: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match=r"file.*Not a directory|file.*File exists"):
        push(make_bundle(), Root(path=tmp_path / "file"), key=public_key)
