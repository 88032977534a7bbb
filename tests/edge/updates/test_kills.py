"""A publication that is killed before any of its changes of the disk leaves a repository that devices accept."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.device.slots import Root
from edge.device.update.client import Seen
from edge.device.update.trust import trust

See = Callable[..., Seen]
Kill = Callable[..., dict[str, int]]


@pytest.fixture
def killed_publish(tmp_path: Path) -> Iterator[Kill]:
    """Publish `bundles`, killed before the change of that number."""
    command = [sys.executable, str(Path(__file__).with_name("killed_publisher.py"))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, cwd=Path(__file__).parents[3], **pipes) as process:
        assert process.stdin is not None and process.stdout is not None

        def publish(kill_before: int, *bundles: Path, rollout: float | None = None, renew: str = "") -> dict[str, int]:
            order = {
                "within": str(tmp_path),
                "repository": str(tmp_path / "updates"),
                "keys": str(tmp_path / "keys"),
                "bundles": list(map(str, bundles)),
                "rollout": rollout,
                "renew": renew,
                "kill_before": kill_before,
            }
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            answer: dict[str, int] = json.loads(process.stdout.readline())
            return answer

        yield publish
        process.stdin.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_killed_publication_leaves_what_devices_accept(
    repository: Any, seen: See, device: Root, make_bundle: Callable[..., Path], killed_publish: Kill, tmp_path: Path
) -> None:
    """Each kill is followed by a look of a device that knew the state before, and of a new one; then by another try."""
    newer, before = make_bundle(version="1.1.0"), contents(repository.path)
    shutil.copytree(repository.path, tmp_path / "before")
    shutil.copytree(device.path, tmp_path / "device-before", symlinks=True)
    kills = 0
    while True:
        kills += 1
        shutil.rmtree(repository.path)
        shutil.copytree(tmp_path / "before", repository.path)
        shutil.rmtree(device.path)
        shutil.copytree(tmp_path / "device-before", device.path, symlinks=True)
        seen()
        ended = killed_publish(kills, newer, rollout=25)
        if ended["signal"] == 0:
            break
        assert ended == {"changes": kills, "signal": signal.SIGKILL}
        after = contents(repository.path)
        # A device between two requests, or a copy that is being made, finds all that it has read of.
        assert {name for name in before if after.get(name) != before[name]} <= {"metadata/timestamp.json"}
        for root in (device, new_device(tmp_path / f"device-{kills}", repository.root)):
            versions = {offer.version for offer in seen(root).offers}
            assert versions in ({"1.0.0"}, {"1.0.0", "1.1.0"})
        assert killed_publish(0, newer, rollout=25)["signal"] == 0
        now = seen()
        assert {offer.version for offer in now.offers} == {"1.0.0", "1.1.0"} and now.policy.percent(newer.name) == 25
        assert not list(repository.path.rglob("*.partial"))
    assert kills > 10


def test_killed_first_publication_is_carried_out_by_the_next(
    tmp_path: Path, seen: See, make_bundle: Callable[..., Path], killed_publish: Kill
) -> None:
    bundle, kills = make_bundle(), 0
    while True:
        kills += 1
        for folder in ("updates", "keys"):
            shutil.rmtree(tmp_path / folder, ignore_errors=True)
        if killed_publish(kills, bundle)["signal"] == 0:
            break
        assert killed_publish(0, bundle)["signal"] == 0
        root = new_device(tmp_path / f"device-{kills}", tmp_path / "updates" / "metadata" / "1.root.json")
        assert [offer.version for offer in seen(root).offers] == ["1.0.0"]
        assert all(key.stat().st_mode & 0o077 == 0 for key in (tmp_path / "keys").glob("*.pem"))
    assert kills > 20


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("name", ["root-2", "targets"])
def test_killed_renewal_of_a_key_leaves_what_devices_accept(
    repository: Any, seen: See, killed_publish: Kill, tmp_path: Path, name: str
) -> None:
    for folder in ("updates", "keys", "device"):
        shutil.copytree(tmp_path / folder, tmp_path / "before" / folder, symlinks=True)
    kills = 0
    while True:
        kills += 1
        for folder in ("updates", "keys", "device"):
            shutil.rmtree(tmp_path / folder)
            shutil.copytree(tmp_path / "before" / folder, tmp_path / folder, symlinks=True)
        seen()
        ended = killed_publish(kills, renew=name)
        seen()
        if ended["signal"] == 0:
            break
        assert killed_publish(0, renew=name)["signal"] == 0
        seen()
        seen(new_device(tmp_path / f"device-{kills}", repository.root))
        assert not list(repository.keys.glob("*.new.pem"))
        repository.publish(refresh=True)
        seen()
    assert kills > 5


def new_device(path: Path, root_metadata: Path) -> Root:
    root = Root(path=path)
    trust(root, root_metadata)
    return root
