"""`update` as it runs on devices: from the zipapp, in a process of its own, against a real web server."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.device.slots import Root, current_slot, read_device
from edge.device.update import failures
from edge.device.update.policy import position
from edge.updates.order import pin_of
from edge.updates.plan import Terms

MakeBundle = Callable[..., Path]
Update = Callable[..., subprocess.CompletedProcess[str]]

PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13")


def steps(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def installed(device: Root) -> str:
    slot = current_slot(device)
    assert slot is not None
    version: str = json.loads((slot / "bundle.json").read_text())["version"]
    return version


def test_newer_version_is_fetched_tested_and_switched_to(
    repository: Any, device: Root, update: Update, make_bundle: MakeBundle
) -> None:
    repository.publish(make_bundle(version="1.1.0"))
    done = update()
    assert done.returncode == 0, done.stderr
    told = steps(done)
    assert [each["step"] for each in told] == [
        "checked", "downloading", "downloaded", "verified", "unpacked", "tested", "switched", "done",
    ]  # fmt: skip
    assert told[0]["offer"]["version"] == "1.1.0" and told[0]["version"] == "1.0.0" and told[0]["clock"] == ""
    assert installed(device) == "1.1.0"
    assert not list((device.updates / "download").iterdir())
    again = update()
    assert again.returncode == 0 and [each["offer"] for each in steps(again)] == [None]


def test_check_only_says(repository: Any, device: Root, update: Update, make_bundle: MakeBundle, web: Any) -> None:
    repository.publish(make_bundle(version="1.1.0"))
    done = update("--check")
    assert done.returncode == 0 and steps(done)[0]["offer"]["version"] == "1.1.0"
    assert installed(device) == "1.0.0"
    assert not any("1.1.0" in each["path"] for each in web.requests())


def test_unchanged_repository_costs_little(repository: Any, update: Update, web: Any, make_bundle: MakeBundle) -> None:
    """Everything counts: the lines of requests and answers with all their headers, and bodies."""
    repository.publish(*(make_bundle(version=f"1.0.0-rc.{number}") for number in range(3)), rollout=5)
    assert update().returncode == 0
    web.forget()
    assert update().returncode == 0
    web.wait_for("timestamp")
    requests = web.requests()
    assert [each["path"] for each in requests] == ["/metadata/2.root.json", "/metadata/timestamp.json"]
    assert sum(each["sent"] + each["received"] for each in requests) < 20_000 / 10


def test_version_that_fails_its_self_test_is_not_tried_again(
    repository: Any, device: Root, update: Update, make_bundle: MakeBundle, web: Any
) -> None:
    repository.publish(make_bundle(version="1.1.0", broken=True))
    done = update()
    assert done.returncode == 3 and "the self-test failed" in done.stderr
    assert installed(device) == "1.0.0"
    web.forget()
    done = update()
    assert done.returncode == 0
    assert "not tried again until another version is published" in steps(done)[0]["passed"][0]
    assert not any("1.1.0" in each["path"] for each in web.requests())
    repository.publish(make_bundle(version="1.1.1"))
    assert update().returncode == 0
    assert installed(device) == "1.1.1"


def test_bundle_by_an_untrusted_key_is_refused_and_not_fetched_twice(
    repository: Any, device: Root, update: Update, make_bundle: MakeBundle, web: Any
) -> None:
    """The repository's keys do not do: what runs on a device is signed by a key of its own."""
    repository.publish(make_bundle(version="1.1.0"))
    (key,) = device.trusted.iterdir()
    trusted = key.read_bytes()
    key.unlink()
    done = update()
    assert done.returncode == 2 and "not trusted here" in done.stderr
    key.write_bytes(trusted)
    web.forget()
    assert update().returncode == 0 and installed(device) == "1.1.0"
    assert not any("1.1.0" in each["path"] for each in web.requests())


def test_roll_out_halt_and_pins_are_obeyed(
    repository: Any, device: Root, update: Update, make_bundle: MakeBundle
) -> None:
    told = read_device(device)
    assert told is not None
    newer = make_bundle(version="1.1.0")
    place = position(told.id, newer.name)
    repository.publish(newer, rollout=place - 1e-6)
    assert "this one comes at" in steps(update())[0]["passed"][0]
    repository.publish(newer, rollout=place + 1e-6, halt=(newer.name,))
    assert steps(update())[0]["passed"] == [f"{newer.name}: halted"]
    repository.publish(make_bundle(version="1.2.0"), rollout=0, resume=(newer.name,))
    assert steps(update("--check", "--pin", "1.2.0"))[0]["offer"]["version"] == "1.2.0"
    assert update().returncode == 0
    assert installed(device) == "1.1.0"
    repository.publish(pin=(pin_of(f"{told.id}=1.0.0"),))
    assert "older than 1.1.0, which is installed" in steps(update())[0]["passed"][0]
    repository.publish(pin=(pin_of(f"{told.id}=1.2.0"),))
    assert update().returncode == 0
    assert installed(device) == "1.2.0"


def test_killed_update_leaves_what_was_installed_and_goes_on(
    repository: Any, device: Root, update: Update, make_bundle: MakeBundle, web: Any, program: Path
) -> None:
    newer = make_bundle(version="1.1.0")
    repository.publish(newer)
    web.misbehave(
        {"match": "1.1.0", "kind": "cut", "after": 200_000, "times": 1},
        {"match": "1.1.0", "kind": "silent", "seconds": 60},
    )
    command = [sys.executable, str(program), "update", "--root", str(device.path), "--repository", web.url]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        held = device.updates / "download"
        end = time.monotonic() + 30
        while time.monotonic() < end and sum(file.stat().st_size for file in held.glob("*")) < 200_000:
            time.sleep(0.02)
        process.kill()
    assert installed(device) == "1.0.0"
    web.misbehave()
    web.forget()
    done = update()
    assert done.returncode == 0, done.stderr
    assert steps(done)[1]["held"] == 200_000
    (bundle,) = web.wait_for("1.1.0")
    assert bundle["range"] == "bytes=200000-" and bundle["sent"] < newer.stat().st_size - 200_000 + 500
    assert installed(device) == "1.1.0"


def test_two_updates_at_once_are_told_apart(update: Update, device: Root, web: Any, program: Path) -> None:
    web.misbehave({"match": "timestamp", "kind": "silent", "seconds": 60, "times": 1})
    command = [sys.executable, str(program), "update", "--root", str(device.path), "--repository", web.url]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        end = time.monotonic() + 30
        while time.monotonic() < end and not any("root" in each["path"] for each in web.requests()):
            time.sleep(0.02)
        done = update()
        process.kill()
    assert done.returncode == 2 and "another install, update or rollback is at work" in done.stderr


def test_every_goes_on_after_trouble(
    device: Root, web: Any, program: Path, repository: Any, make_bundle: MakeBundle
) -> None:
    repository.publish(make_bundle(version="1.1.0"))
    web.misbehave({"match": "timestamp", "kind": "status", "status": 404, "times": 1})
    place = ["--root", str(device.path), "--repository", web.url]
    command = [sys.executable, str(program), "update", *place, "--every", "0.2"]
    told = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            told.append(json.loads(line))
            if len(told) > 30 or (told[-1]["step"], told[-1].get("version")) == ("checked", "1.1.0"):
                break
        process.terminate()
    assert told[0]["step"] == "failed" and "status 404" in told[0]["error"]
    assert "done" in [each["step"] for each in told]


def test_device_without_a_model_says_what_to_do(update: Update, device: Root) -> None:
    device.current.unlink()
    done = update()
    assert done.returncode == 2 and "nothing is installed yet" in done.stderr


def test_root_can_be_trusted_on_the_way(update: Update, device: Root, repository: Any) -> None:
    (device.updates / "root.json").unlink()
    done = update("--check")
    assert done.returncode == 2 and "no repository is believed" in done.stderr
    assert update("--check", "--trust", repository.root).returncode == 0
    assert update("--check").returncode == 0


@pytest.mark.parametrize("version", PYTHONS)
def test_zipapp_needs_nothing_installed_and_says_which_python(
    update: Update, version: str, repository: Any, make_bundle: MakeBundle
) -> None:
    """No site-packages, so no cryptography: python-tuf verifies with the Ed25519 that it brings along in Python."""
    found = [*sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python")), shutil.which(f"python{version}")]
    python = next(filter(None, found), None)
    if python is None:
        pytest.skip(f"needs Python {version}")
    repository.publish(make_bundle(version="1.1.0"), rollout=50)
    done = update("--check", python=str(python), flags=("-S", "-I"))
    if version == "3.9":
        assert done.returncode == 2
        assert done.stderr.startswith("error: update needs Python 3.10 or newer") and done.stderr.count("\n") == 1
        return
    assert done.returncode == 0, done.stderr
    assert steps(done)[0]["version"] == "1.0.0"


def test_version_that_somebody_went_back_from_is_not_installed_again(
    repository: Any, device: Root, update: Update, make_bundle: MakeBundle, program: Path
) -> None:
    repository.publish(make_bundle(version="1.1.0"))
    assert update().returncode == 0
    back = subprocess.run([sys.executable, program, "rollback", "--root", device.path], capture_output=True, text=True)
    assert back.returncode == 0, back.stderr
    assert "somebody went back from it" in steps(update())[0]["passed"][0]
    assert installed(device) == "1.0.0"


def test_installation_that_is_always_cut_off_is_given_up(
    repository: Any, device: Root, update: Update, make_bundle: MakeBundle
) -> None:
    """A version that takes the whole board down leaves no reason."""
    newer = make_bundle(version="1.1.0")
    repository.publish(newer)
    for _ in range(3):
        failures.begin(device, newer.name)
    assert "was cut off 3 times" in steps(update())[0]["passed"][0]


def clock_set_to(when: str, device: Root, web: Any, folder: Path) -> subprocess.CompletedProcess[str]:
    """`update --check` in a process whose clock says `when`."""
    program = f"""
import datetime, sys
class Then(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromisoformat({when!r}).astimezone(tz)
datetime.datetime = Then
sys.argv = ["edgewise-device", "update", "--check", "--root", {str(device.path)!r}, "--repository", {web.url!r}]
from edge.device.__main__ import main
sys.exit(main())
"""
    (folder / "later.py").write_text(program)
    return subprocess.run([sys.executable, folder / "later.py"], capture_output=True, text=True, timeout=60)


def test_clock_before_the_signature_is_said_and_the_update_goes_on(device: Root, web: Any, tmp_path: Path) -> None:
    done = clock_set_to("1970-01-01T00:10:00+00:00", device, web, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "the clock says 1970-01-01 00:10 UTC, the repository was signed at" in steps(done)[0]["clock"]


def test_clock_after_the_expiry_is_refused_with_both_clocks(device: Root, web: Any, tmp_path: Path) -> None:
    done = clock_set_to("2070-01-01T00:00:00+00:00", device, web, tmp_path)
    assert done.returncode == 2
    assert (
        "device's clock says 2070-01-01 00:00 UTC, the server's" in done.stderr
        and "or the clock is wrong" in done.stderr
    )


def test_expired_repository_is_refused_until_it_is_refreshed(repository: Any, update: Update) -> None:
    repository.publish(refresh=True, terms=Terms(timestamp=1e-5))
    done = update()
    assert done.returncode == 2 and "a freeze" in done.stderr
    repository.publish(refresh=True)
    assert update().returncode == 0
