"""The network is cut at 64 places spread over a whole deployment. After each the device has a version that passes its
self-test, and the next deployment comes to its end and sends nothing twice that had arrived."""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from edge.bundle.signing import make_key
from edge.deploy.deployment import Outcome
from edge.device.bundle import read_description
from edge.device.errors import EdgewiseError
from edge.device.slots import Root, current_slot

MakeBundle = Callable[..., Path]
Push = Callable[..., Outcome]

CUTS = 64
# Bytes besides the files' own: the handshake, the programs, what is said; and what fills up blocks.
OVERHEAD = 40_000


@pytest.fixture(scope="module")
def before(once_installed: Root, tmp_path_factory: pytest.TempPathFactory) -> Root:
    """A device with 1.0.0 in use that trusts another key and has no runner to install with: a deployment has every
    step. Not to be changed."""
    folder = tmp_path_factory.mktemp("before")
    root = Root(path=folder / "root")
    shutil.copytree(once_installed.path, root.path, symlinks=True)
    for path in (*root.keys(), *root.incoming.iterdir()):
        path.unlink()
    (root.trusted / "other.pem").write_bytes(make_key(folder / "other.pem").read_bytes())
    return root


def in_use(root: Root) -> str:
    slot = current_slot(root)
    assert slot is not None, "no version is in use"
    description = read_description(slot)
    assert all((slot / file.name).stat().st_size == file.size for file in description.files)
    return description.version


def arrived(root: Root) -> int:
    """Bytes of uploads that lie on the device."""
    sizes = 0
    for path in root.incoming.glob("*") if root.incoming.exists() else ():
        with suppress(FileNotFoundError):  # what was cut off may still be ending
            sizes += path.stat().st_size
    return sizes


def test_network_cut_anywhere_leaves_a_version_and_the_next_deployment_goes_on(
    ssh: Any,
    push: Push,
    proxy: Callable[..., Any],
    runner_says: Any,
    before: Root,
    make_bundle: MakeBundle,
    public_key: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bundle = make_bundle(version="1.1.0")

    def copy(name: str) -> Root:
        root = Root(path=tmp_path / name / "root")
        shutil.copytree(before.path, root.path, symlinks=True)
        return root

    whole = proxy()
    root = copy("whole")
    done = push(bundle, root, key=public_key, config=ssh.config_for(whole.port))
    assert [step.act for step in done.plan.steps] == ["runner", "enroll", "bundle", "install", "tidy"]
    sent = sum(step.bytes for step in done.plan.steps)
    assert sent < whole.up < sent + OVERHEAD
    places = [whole.places[at * len(whole.places) // CUTS] for at in range(CUTS)]

    ended: list[int] = []

    def try_one(number: int) -> int:
        root, cut = copy(str(number)), proxy(places[number])
        with suppress(EdgewiseError):  # the last places may lie behind the end, as no two runs send the same bytes
            push(bundle, root, key=public_key, config=ssh.config_for(cut.port))
            ended.append(number)
        assert in_use(root) in ("1.0.0", "1.1.0")
        if number % 5 == 0:
            assert runner_says(root, "selftest")["ok"] is True
        there, again = arrived(root), proxy()
        push(bundle, root, key=public_key, config=ssh.config_for(again.port))
        assert in_use(root) == "1.1.0"
        assert again.up < sent - min(there, sent) + OVERHEAD, (number, there, again.up)
        assert {path.suffix for path in root.incoming.iterdir()} == {"", ".pyz"}
        shutil.rmtree(root.path.parent)
        return there

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        found = list(pool.map(try_one, range(CUTS)))
    whole_files = {step.bytes for step in done.plan.steps} | {sent}
    assert found.count(0) > 1  # cut before anything had arrived
    assert len({each for each in found if each not in whole_files}) > 4  # amid uploads
    assert max(found) >= bundle.stat().st_size  # and after them
    assert len(ended) < 4 and all(number > CUTS - 5 for number in ended)
    assert [each.getMessage() for each in caplog.records if each.name == "asyncio" and each.levelname == "ERROR"] == []
