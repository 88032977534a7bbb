"""The device's folder, with the tiny artefact in its slots."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.device.bundle import unpack
from edge.device.bundle.description import Description, File, Need, as_json
from edge.device.files import sha256_of, write_json
from edge.device.slots import Root, server_of

LABELS = ("cat", "dog", "owl")

MakeArtifact = Callable[..., Path]
MakeBundle = Callable[..., Path]
MakeSlot = Callable[[Path, str, str], Path]


@pytest.fixture(scope="session")
def make_slot(make_artifact: MakeArtifact) -> MakeSlot:
    """Lay the artefact down in slot `letter` of the device's folder `root`, as `version`, without a runner of its own:
    the present code runs it. The slot is not switched to."""

    def make(root: Path, letter: str, version: str) -> Path:
        slot = root / "slots" / letter
        shutil.rmtree(slot, ignore_errors=True)
        new = root / "slots" / f".{letter}.new"
        make_artifact(new / "artifact", version=version)
        (new / "labels.txt").write_text("\n".join(LABELS) + "\n")
        describe(new, version)
        new.rename(slot)
        return slot

    return make


def describe(slot: Path, version: str) -> None:
    """Write the bundle.json of what the slot holds now, unsigned."""
    paths = sorted(path for path in slot.rglob("*") if path.is_file() and path.name not in ("bundle.json", "model.sig"))
    files = [
        File(name=path.relative_to(slot).as_posix(), size=path.stat().st_size, sha256=sha256_of(path)) for path in paths
    ]
    description = Description(
        name="tiny",
        version=version,
        target="cpu",
        precision="int8-ptq",
        python="3.9",
        runtimes=(Need(runtime="litert", package="ai-edge-litert", version="1.0.1"),),
        files=tuple(sorted(files, key=lambda file: file.name)),
    )
    write_json(slot / "bundle.json", as_json(description))


@pytest.fixture(scope="session")
def public_key(signing_key: Path) -> Path:
    return signing_key.with_suffix(".pub.pem")


@pytest.fixture(scope="session")
def pyz(make_bundle: MakeBundle, public_key: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runner, as it comes out of a bundle."""
    folder = tmp_path_factory.mktemp("pyz")
    unpack(make_bundle(), folder / "bundle", [public_key])
    return folder / "bundle" / "edgewise-device.pyz"


@pytest.fixture(scope="session")
def installed(pyz: Path, make_bundle: MakeBundle, public_key: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A device with 1.0.0 in use and 0.9.0 in the other slot. Not to be changed: tests copy it."""
    root = tmp_path_factory.mktemp("device") / "root"
    (root / "trusted").mkdir(parents=True)
    shutil.copyfile(public_key, root / "trusted" / "key.pem")
    for version in ("0.9.0", "1.0.0"):
        words = [sys.executable, str(pyz), "install", str(make_bundle(version=version)), "--root", str(root)]
        subprocess.run(words, check=True, capture_output=True)
    return root


@pytest.fixture
def serving(pyz: Path) -> Iterator[Callable[[Path], str]]:
    """Start a server of the version in use on the device `root`; its address."""
    servers = []

    def serve(root: Path) -> str:
        words = [sys.executable, str(pyz), "serve", "--root", str(root), "--port", "0"]
        servers.append(subprocess.Popen(words, stderr=subprocess.DEVNULL))
        end = time.monotonic() + 60
        while (told := server_of(Root(path=root))) is None or told["state"] != "serving":
            assert time.monotonic() < end, told
            time.sleep(0.02)
        return f"http://{told['host']}:{told['port']}"

    yield serve
    for server in servers:
        server.terminate()
    for server in servers:
        server.wait(timeout=20)
