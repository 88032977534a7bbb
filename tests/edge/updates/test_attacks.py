"""What a hostile server, or a broken mirror, can send is refused by name, and leaves the device as it was."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.device.errors import BadArtifact, BadRepository, Unavailable
from edge.device.slots import Root
from edge.device.update.client import Seen, fetch
from edge.device.update.fetcher import Fetcher
from edge.device.update.trust import trust
from edge.updates.plan import Terms

MakeBundle = Callable[..., Path]
See = Callable[..., Seen]


@pytest.fixture
def newer(make_bundle: MakeBundle) -> Path:
    return make_bundle(version="1.1.0")


def metadata(repository: Any) -> Path:
    folder: Path = repository.path / "metadata"
    return folder


def test_sound_repository_is_seen(repository: Any, seen: See, newer: Path) -> None:
    assert [offer.version for offer in seen().offers] == ["1.0.0"]
    repository.publish(newer, rollout=25)
    now = seen()
    assert {offer.version for offer in now.offers} == {"1.0.0", "1.1.0"}
    assert now.policy.percent(newer.name) == 25 and now.clock == ""


def test_older_timestamp_is_refused_as_rollback(repository: Any, seen: See, newer: Path) -> None:
    older = (metadata(repository) / "timestamp.json").read_bytes()
    repository.publish(newer)
    seen()
    (metadata(repository) / "timestamp.json").write_bytes(older)
    with pytest.raises(BadRepository, match=r"New timestamp version 1 must be >= 2.*rollback"):
        seen()


@pytest.mark.parametrize("stolen", [("timestamp",), ("timestamp", "snapshot")])
def test_older_state_is_refused_even_where_online_keys_were_stolen(
    repository: Any, seen: See, newer: Path, tmp_path: Path, stolen: tuple[str, ...]
) -> None:
    """With the keys of the timestamp, and of the snapshot, an older list of bundles can be signed as the newest."""
    shutil.copytree(repository.path, tmp_path / "older")
    repository.publish(newer)
    seen()
    before = json.loads((metadata(repository) / "timestamp.json").read_text())["signed"]["version"]
    evil = type(repository)(path=tmp_path / "older", keys=repository.keys)
    for number in range(before + 1):
        evil.publish(refresh=True, terms=Terms(snapshot=90 if stolen == ("timestamp",) else 900 * 3**number))
    shutil.rmtree(metadata(repository))
    shutil.copytree(metadata(evil), metadata(repository))
    with pytest.raises(BadRepository, match=r"rollback"):
        seen()


def test_expired_timestamp_is_refused_as_freeze(repository: Any, seen: See) -> None:
    repository.publish(refresh=True, terms=Terms(timestamp=1e-5))
    with pytest.raises(BadRepository, match=r"expired: .*timestamp.* clock says .* the server's .* freeze"):
        seen()
    repository.publish(refresh=True)
    seen()


def test_snapshot_with_targets_of_another_state_is_refused(repository: Any, seen: See, newer: Path) -> None:
    repository.publish(newer)
    shutil.copy(metadata(repository) / "1.targets.json", metadata(repository) / "2.targets.json")
    with pytest.raises(BadRepository, match=r"not the file that was signed for.*mix-and-match"):
        seen()


def test_snapshot_of_another_state_is_refused(repository: Any, seen: See, newer: Path) -> None:
    repository.publish(newer)
    shutil.copy(metadata(repository) / "1.snapshot.json", metadata(repository) / "2.snapshot.json")
    with pytest.raises(BadRepository, match=r"not the file that was signed for.*mix-and-match"):
        seen()


@pytest.mark.parametrize("file", ["timestamp.json", "2.root.json", "2.snapshot.json", "2.targets.json", "policy.json"])
def test_endless_metadata_is_refused_soon(repository: Any, seen: See, web: Any, newer: Path, file: str) -> None:
    repository.publish(newer, rollout=5)
    shutil.copy(metadata(repository) / "1.root.json", metadata(repository) / "2.root.json")
    web.misbehave(
        {"match": file.replace(".", r"\."), "kind": "endless"}, {"match": "root", "kind": "status", "status": 404}
    )
    with pytest.raises(BadRepository, match=r"sends more than the [0-9,]+ bytes.*endless data"):
        seen()
    assert max(each["sent"] for each in web.wait_for(file)) < 20 * 2**20


def test_endless_bundle_is_refused_at_its_signed_length(
    repository: Any, seen: See, web: Any, device: Root, newer: Path
) -> None:
    repository.publish(newer)
    (offer,) = (each for each in seen().offers if each.version == "1.1.0")
    web.misbehave({"match": r"\.bundle", "kind": "endless"})
    fetcher = Fetcher(patience=5, tries=2, pause=0.01)
    with pytest.raises(BadRepository, match=r"bytes that were signed for.*endless data"):
        fetch(device, web.url, fetcher, offer)
    assert sum(file.stat().st_size for file in (device.updates / "download").iterdir()) <= offer.size


def test_repository_under_other_keys_is_refused(
    repository: Any, seen: See, device: Root, tmp_path: Path, newer: Path
) -> None:
    seen()
    other = type(repository)(path=tmp_path / "other", keys=tmp_path / "other-keys")
    other.publish(newer)
    other.publish(refresh=True)
    shutil.rmtree(repository.path)
    shutil.copytree(other.path, repository.path)
    with pytest.raises(BadRepository, match=r"not signed by the keys that this device trusts.*--trust"):
        seen()
    trust(device, other.root)
    assert [offer.version for offer in seen().offers] == ["1.1.0"]


@pytest.mark.parametrize("at", [100, -100])
def test_changed_bundle_is_refused_and_thrown_away(
    repository: Any, seen: See, web: Any, device: Root, newer: Path, at: int
) -> None:
    repository.publish(newer)
    (offer,) = (each for each in seen().offers if each.version == "1.1.0")
    (place,) = repository.path.glob("targets/*1.1.0*")
    sound = place.read_bytes()
    content = bytearray(sound)
    content[at] ^= 1
    place.write_bytes(content)
    fetcher = Fetcher(patience=5, tries=2, pause=0.01)
    with pytest.raises(BadRepository, match=r"not the file that was signed for"):
        fetch(device, web.url, fetcher, offer)
    assert list((device.updates / "download").iterdir()) == []
    place.write_bytes(sound)
    assert fetch(device, web.url, fetcher, offer).read_bytes() == sound


@pytest.mark.parametrize("pattern", ["timestamp.json", "2.snapshot.json", "2.targets.json", "*policy.json"])
def test_missing_file_is_named(repository: Any, seen: See, newer: Path, pattern: str) -> None:
    repository.publish(newer, rollout=5)
    for file in repository.path.rglob(pattern):
        file.unlink()
    with pytest.raises(Unavailable, match=r"status 404; is http.* an update repository"):
        seen()


def test_missing_bundle_is_named(repository: Any, seen: See, web: Any, device: Root) -> None:
    (offer,) = seen().offers
    next(repository.path.glob("targets/*.bundle")).unlink()
    with pytest.raises(Unavailable, match=r"1\.0\.0-cpu\.bundle: answered with status 404"):
        fetch(device, web.url, Fetcher(), offer)


@pytest.mark.parametrize("kind", [{"kind": "slow"}, {"kind": "silent", "seconds": 60}])
def test_slow_server_is_left(seen: See, web: Any, kind: dict[str, Any]) -> None:
    web.misbehave({"match": "timestamp", **kind})
    start = time.monotonic()
    with pytest.raises(Unavailable, match=r"(no answer within|slower than)"):
        seen(patience=0.5)
    assert time.monotonic() - start < 4


def test_damaged_metadata_is_refused(repository: Any, seen: See) -> None:
    (metadata(repository) / "timestamp.json").write_text("<html>Sign in to the hotel's network</html>")
    with pytest.raises(BadRepository, match=r"not a sound repository"):
        seen()


def test_nothing_is_believed_before_a_root_is_trusted(seen: See, device: Root) -> None:
    (device.updates / "root.json").unlink()
    with pytest.raises(BadArtifact, match=r"no repository is believed; give its metadata/1\.root\.json with --trust"):
        seen()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"signed": {"_type": "timestamp"}}'])
def test_only_a_root_can_be_trusted(device: Root, tmp_path: Path, content: str) -> None:
    (tmp_path / "some.json").write_text(content)
    before = (device.updates / "root.json").read_bytes()
    with pytest.raises(BadRepository, match=r"no root metadata"):
        trust(device, tmp_path / "some.json")
    assert (device.updates / "root.json").read_bytes() == before
