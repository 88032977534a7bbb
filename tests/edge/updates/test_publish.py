"""publish: what it makes, what it refuses, and what it leaves alone."""

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from edge.bundle.signing import make_key
from edge.device.errors import BadBundle, BadRepository, Unavailable
from edge.device.update.client import Seen
from edge.device.update.policy import policy_of
from edge.updates.keys import NAMES
from edge.updates.listing import listing
from edge.updates.order import Order, Pin, pin_of
from edge.updates.plan import Terms
from edge.updates.publication import publish
from edge.updates.renewal import renew_key
from edge.updates.state import read_state

MakeBundle = Callable[..., Path]
See = Callable[..., Seen]


@pytest.fixture
def newer(make_bundle: MakeBundle) -> Path:
    return make_bundle(version="1.1.0")


def signed(repository: Any, name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((repository.path / "metadata" / name).read_text())["signed"]
    return body


def files(repository: Any) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in repository.path.rglob("*") if file.is_file()}


def test_new_repository_has_the_documented_files_keys_and_terms(repository: Any, make_bundle: MakeBundle) -> None:
    names = {
        file.name.split(".", 1)[1] if file.parent.name == "targets" else file.name
        for file in repository.path.rglob("*.*")
    }
    bundle = make_bundle().name
    assert names == {"1.root.json", "1.targets.json", "1.snapshot.json", "timestamp.json", bundle, "policy.json"}
    root = signed(repository, "1.root.json")
    assert root["consistent_snapshot"] is True
    assert (len(root["roles"]["root"]["keyids"]), root["roles"]["root"]["threshold"]) == (3, 2)
    keyids = [keyid for role in root["roles"].values() for keyid in role["keyids"]]
    assert len(set(keyids)) == len(keyids) == 6
    assert {key["scheme"] for key in root["keys"].values()} == {"ed25519"}
    assert repository.keys.stat().st_mode & 0o777 == 0o700
    assert all(key.stat().st_mode & 0o777 == 0o600 for key in repository.keys.glob("*.pem"))
    for name, days in {"1.root": 365, "1.targets": 90, "1.snapshot": 90, "timestamp": 7}.items():
        left = datetime.fromisoformat(signed(repository, f"{name}.json")["expires"]) - datetime.now(UTC)
        assert timedelta(days=days, minutes=-5) < left <= timedelta(days=days)


def test_targets_say_what_the_bundle_is(repository: Any, make_bundle: MakeBundle) -> None:
    told = signed(repository, "1.targets.json")["targets"][make_bundle().name]
    assert told["custom"] == {"name": "tiny", "version": "1.0.0", "target": "cpu", "board": ""}
    assert told["length"] == make_bundle().stat().st_size


def test_publishing_the_same_again_changes_nothing(repository: Any, make_bundle: MakeBundle) -> None:
    before = files(repository)
    assert repository.publish(make_bundle()).signed == ()
    assert files(repository) == before


def test_versions_rise_with_each_publication(repository: Any, newer: Path) -> None:
    for number, percent in enumerate((5, 25, 100), 2):
        made = repository.publish(newer, rollout=percent)
        state = made.state
        assert [each.signed.version for each in (state.targets, state.snapshot, state.timestamp)] == [number] * 3
        assert state.policy.percent(newer.name) == percent
    assert read_state(repository.path).policy == state.policy  # type: ignore[union-attr]


def test_bundle_that_stands_there_can_be_named(repository: Any, newer: Path) -> None:
    repository.publish(newer, rollout=5)
    for name in (newer.name, newer.name.removesuffix(".bundle")):
        repository.publish(Path(name), rollout=50)
    assert repository.publish(Path(newer.name), rollout=100).state.policy.rollout == {}


def test_same_version_with_other_content_is_refused(repository: Any, make_bundle: MakeBundle) -> None:
    with pytest.raises(BadRepository, match=r"published already, with other content.*raise the version"):
        repository.publish(make_bundle(broken=True))


def test_halt_resume_pin_and_unpin_change_the_policy(repository: Any, newer: Path) -> None:
    repository.publish(newer)
    name = newer.name.removesuffix(".bundle")
    policy = repository.publish(halt=(name,), pin=(pin_of("one=1.0.0"), pin_of("two=tiny:1.1.0"))).state.policy
    assert policy.halted == (newer.name,) and policy.pins == {"one": {"tiny": "1.0.0"}, "two": {"tiny": "1.1.0"}}
    rows = {row.file: row for row in listing(read_state(repository.path))}  # type: ignore[arg-type]
    assert next(iter(rows)) == newer.name and rows[newer.name].is_halted and rows[newer.name].pinned == 1
    policy = repository.publish(resume=(newer.name,), unpin=("one",)).state.policy
    assert policy.halted == () and policy.pins == {"two": {"tiny": "1.1.0"}}


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ({"halt": ("tiny-1.0.0-cp",)}, r"no such bundle in the repository; did you mean tiny-1\.0\.0-cpu\.bundle\?"),
        ({"resume": ("other",)}, r"no such bundle in the repository; there are: tiny"),
        ({"bundles": (Path("gone.bundle"),)}, "no such bundle in the repository"),
        (
            {"pin": (Pin(device="d", version="9.0.0"),)},
            r"tiny has no such version in the repository; there are: 1\.0\.0",
        ),
        ({"pin": (Pin(device="d", version="1.0.0", name="other"),)}, "other has no such version.*there are: none"),
        ({"unpin": ("d",)}, "is not pinned; there are: none"),
    ],
)
def test_order_that_names_what_is_not_there_is_refused(repository: Any, order: dict[str, Any], message: str) -> None:
    before = files(repository)
    with pytest.raises(BadRepository, match=message):
        publish(repository.path, repository.keys, Order(**order), Terms())
    assert files(repository) == before


def test_pin_has_to_say_the_name_where_there_are_several(repository: Any, make_bundle: MakeBundle) -> None:
    with pytest.raises(BadRepository, match=r"of which of other, tiny\? Write d=NAME:1\.0\.0"):
        repository.publish(make_bundle(name="other"), pin=(pin_of("d=1.0.0"),))


@pytest.mark.parametrize("text", ["", "=1.0.0", "device", "device=", "device=tiny:"])
def test_pin_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadRepository, match="expected DEVICE=VERSION"):
        pin_of(text)


def test_refresh_signs_what_has_lived_half_of_its_time(repository: Any) -> None:
    assert repository.publish(refresh=True).signed == ("timestamp",)
    assert repository.publish(refresh=True, terms=Terms(snapshot=181)).signed == ("snapshot", "timestamp")
    assert repository.publish(refresh=True, terms=Terms(targets=181)).signed == ("targets", "snapshot", "timestamp")
    assert repository.publish(refresh=True, terms=Terms(root=731)).signed == ("root", "timestamp")
    assert signed(repository, "2.root.json")["version"] == 2


def test_root_is_renewed_with_two_of_its_keys_and_devices_follow(repository: Any, seen: See, tmp_path: Path) -> None:
    seen()
    for number in (1, 2):
        (repository.keys / f"root-{number}.pem").rename(tmp_path / f"root-{number}.pem")
    made = repository.publish(refresh=True, terms=Terms(root=731))
    assert made.signed == ("timestamp",)
    assert "bring two of its keys" in made.warnings[0]
    (tmp_path / "root-1.pem").rename(repository.keys / "root-1.pem")
    made = repository.publish(refresh=True, terms=Terms(root=731))
    assert made.signed == ("root", "timestamp") and made.warnings == ()
    seen()
    assert repository.publish(rollout=5).signed == ()


@pytest.mark.parametrize("name", NAMES)
def test_key_that_was_stolen_is_replaced_and_of_no_more_use(
    repository: Any, seen: See, tmp_path: Path, newer: Path, name: str
) -> None:
    seen()
    shutil.copytree(repository.keys, tmp_path / "stolen")
    assert renew_key(repository.path, repository.keys, name, Terms()) == 2
    repository.publish(newer)
    assert {offer.version for offer in seen().offers} == {"1.0.0", "1.1.0"}
    changed = [
        file.name
        for file in repository.keys.glob("*.pem")
        if file.read_bytes() != (tmp_path / "stolen" / file.name).read_bytes()
    ]
    assert changed == [f"{name}.pem"]
    (key,) = (tmp_path / "stolen").glob(f"{name}.pem")
    shutil.copy(key, repository.keys / f"{name}.pem")
    if name.startswith("root"):
        assert repository.publish(refresh=True, terms=Terms(root=731)).state.root.signed.version == 3  # by two others
    else:
        with pytest.raises(BadRepository, match="not a key of this repository"):
            repository.publish(refresh=True)


def test_root_key_that_was_lost_is_replaced_by_the_two_others(repository: Any, seen: See) -> None:
    (repository.keys / "root-3.pem").unlink()
    assert renew_key(repository.path, repository.keys, "root-3", Terms()) == 2
    (repository.keys / "root-1.pem").unlink()
    assert repository.publish(refresh=True, terms=Terms(root=731)).signed == ("root", "timestamp")
    seen()
    (repository.keys / "root-2.pem").unlink()
    with pytest.raises(BadRepository, match=r"bring two of root-1\.pem to root-3\.pem"):
        renew_key(repository.path, repository.keys, "root-1", Terms())


def test_keys_inside_the_repository_are_refused(tmp_path: Path, make_bundle: MakeBundle) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "updates")
    for folder in (tmp_path / "updates" / "keys", tmp_path / "updates", tmp_path / "link" / "keys"):
        with pytest.raises(BadRepository, match="which everybody can read; give --keys a folder elsewhere"):
            publish(tmp_path / "updates", folder, Order(bundles=(make_bundle(),)), Terms())
    assert not (tmp_path / "updates").exists()


def test_key_that_others_may_read_is_refused(repository: Any) -> None:
    (repository.keys / "targets.pem").chmod(0o640)
    with pytest.raises(BadRepository, match=r"others may read it \(mode 0640\); chmod 600"):
        repository.publish(refresh=True)


def test_keys_of_another_repository_are_refused(repository: Any, tmp_path: Path, make_bundle: MakeBundle) -> None:
    other = type(repository)(path=tmp_path / "other", keys=tmp_path / "other-keys")
    other.publish(make_bundle())
    mixed = type(repository)(path=repository.path, keys=other.keys)
    with pytest.raises(BadRepository, match="not a key of this repository"):
        mixed.publish(refresh=True)


def test_missing_or_damaged_key_is_named(repository: Any) -> None:
    (repository.keys / "snapshot.pem").write_text("no key")
    with pytest.raises(BadRepository, match=r"snapshot\.pem: not a private key"):
        repository.publish(refresh=True)
    (repository.keys / "snapshot.pem").unlink()
    with pytest.raises(BadRepository, match=r"snapshot\.pem: not there"):
        repository.publish(refresh=True)


@pytest.mark.parametrize(
    "pattern", ["timestamp.json", "1.snapshot.json", "1.targets.json", "*.policy.json", "1.root.json"]
)
def test_repository_that_was_changed_is_not_signed_anew(repository: Any, pattern: str) -> None:
    (file,) = repository.path.rglob(pattern)
    sound = file.read_bytes()
    for content in (sound.replace(b"1", b"2"), b"", sound[: len(sound) // 2]):
        file.write_bytes(content)
        with pytest.raises(BadRepository, match=r"put the repository back|edgewise publish"):
            repository.publish(refresh=True)


def test_bundle_that_is_gone_is_named_and_can_be_put_back(
    repository: Any, make_bundle: MakeBundle, newer: Path
) -> None:
    (place,) = repository.path.glob("targets/*.bundle")
    place.unlink()
    with pytest.raises(BadRepository, match=r"missing or cut short; publish tiny-1\.0\.0-cpu\.bundle again"):
        repository.publish(newer)
    repository.publish(make_bundle(), newer)
    assert place.read_bytes() == make_bundle().read_bytes()


def test_what_is_no_bundle_is_refused(repository: Any, tmp_path: Path) -> None:
    (tmp_path / "some.bundle").write_bytes(b"PK\3\4" + bytes(2000))
    with pytest.raises(BadBundle, match="not a bundle"):
        repository.publish(tmp_path / "some.bundle")


def test_bundle_by_another_key_is_refused_where_a_key_is_given(
    repository: Any, make_bundle: MakeBundle, signing_key: Path, tmp_path: Path
) -> None:
    make_key(tmp_path / "other.pem")
    bundle = make_bundle(version="1.2.0", key=tmp_path / "other.pem")
    order = Order(bundles=(bundle,))
    with pytest.raises(BadBundle, match="not trusted here"):
        publish(repository.path, repository.keys, order, Terms(), signing_key.with_suffix(".pub.pem"))
    publish(repository.path, repository.keys, order, Terms(), tmp_path / "other.pub.pem")


def test_two_publishers_at_once_are_told_apart(repository: Any) -> None:
    with FileLock(repository.keys / ".lock"), pytest.raises(Unavailable, match="another edgewise publishes"):
        repository.publish(refresh=True)


def test_restored_repository_goes_on_above_the_versions_that_it_shows(repository: Any, newer: Path) -> None:
    """Nothing that was ever written under a name is written over, also where timestamp.json is an older one."""
    older = (repository.path / "metadata" / "timestamp.json").read_bytes()
    repository.publish(newer)
    before = files(repository)
    (repository.path / "metadata" / "timestamp.json").write_bytes(older)
    repository.publish(newer, rollout=5)
    after = files(repository)
    assert {Path(name).name for name in before if after[name] != before[name]} == {"timestamp.json"}


def test_command_line_publishes_and_shows_the_table(
    edgewise: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, newer: Path, make_bundle: MakeBundle
) -> None:
    place = tmp_path / "updates"
    done = edgewise("publish", make_bundle(), newer, "--repository", place, "--rollout", 25)
    assert done.returncode == 0, done.stderr
    assert "tiny-1.1.0-cpu.bundle" in done.stdout and "25 %" in done.stdout
    assert "1.root.json" in done.stderr and (tmp_path / "updates-keys" / "targets.pem").exists()
    (policy,) = place.glob("targets/*.policy.json")
    assert policy_of(policy.read_bytes()).rollout == {make_bundle().name: 25, newer.name: 25}
    done = edgewise("publish", "--repository", place, "--halt", "tiny-1.1.0-cpu")
    assert done.returncode == 0 and "halted" in done.stdout
    done = edgewise("publish", "--repository", place)
    assert done.returncode == 0 and "up to date" in done.stderr
    done = edgewise("publish", "--repository", place, "--rollout", 5)
    assert done.returncode == 2 and "of which bundles?" in done.stderr
    shutil.rmtree(tmp_path / "updates-keys")
    done = edgewise("publish", "--repository", place, "--refresh")
    assert done.returncode == 2 and "give --keys the folder that the repository was made with" in done.stderr
