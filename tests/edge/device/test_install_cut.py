"""Whatever moment an installation is cut off at, the device has a version that passes its self-test, and the next
installation succeeds."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from edge.device.bundle import read_description
from edge.device.golden import check_golden, read_golden
from edge.device.runtimes import open_runtime
from edge.device.slots import Root, current_slot

MakeBundle = Callable[..., Path]

# Runs a program and kills it, as a power cut would, just before the `at`-th step that changes a file: those that
# Python audits, and syncs, which it does not.
CUT = """
import os, runpy, signal, sys
at, count, sync = int(sys.argv[1]), 0, os.fsync
CHANGING = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.symlink", "subprocess.Popen", "tempfile.mkstemp"}

def step():
    global count
    count += 1
    if count == at:
        os.kill(os.getpid(), signal.SIGKILL)

def audited(event, arguments):
    writing = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if writing or event in CHANGING:
        step()

def synced(descriptor):
    step()
    sync(descriptor)

os.fsync = synced
sys.addaudithook(audited)
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run(pyz: Path, *words: object, root: Path, cut: int | None = None) -> int:
    """The exit code; without a `cut` it has to be 0."""
    killer = () if cut is None else ("-c", CUT, str(cut))
    command = [sys.executable, *killer, str(pyz), *map(str, words), "--root", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert cut is not None or done.returncode == 0, done.stderr
    return done.returncode


def version_in_use(root: Path) -> str:
    """Its golden vectors are asked in a runtime here: a process for each would take minutes."""
    slot = current_slot(Root(path=root))
    assert slot is not None, "no version is in use"
    description = read_description(slot)
    assert {file.name for file in description.files} <= {
        path.relative_to(slot).as_posix() for path in slot.rglob("*") if path.is_file()
    }
    check_golden(
        read_golden(slot / "artifact"), open_runtime("litert", slot / "artifact" / "model.tflite").run, "litert"
    )
    return description.version


def cut_everywhere(try_one: Callable[[int], bool]) -> int:
    """Cut at the first step, the second, and so on, until one comes to its end; how many were cut."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        cuts: Iterator[bool] = pool.map(try_one, range(1, 400))
        for number, was_cut in enumerate(cuts):
            if not was_cut:
                pool.shutdown(cancel_futures=True)
                return number
    raise AssertionError("the program never came to its end")


def test_install_cut_at_any_step_leaves_a_version_and_the_next_one_succeeds(
    pyz: Path, installed: Path, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    bundle = make_bundle(version="1.1.0")

    def try_one(at: int) -> bool:
        root = tmp_path / str(at)
        shutil.copytree(installed, root, symlinks=True)
        code = run(pyz, "install", bundle, root=root, cut=at)
        assert code in (0, -signal.SIGKILL)
        assert version_in_use(root) in ("1.0.0", "1.1.0")
        run(pyz, "install", bundle, root=root)
        assert version_in_use(root) == "1.1.0"
        assert sorted(path.name for path in (root / "slots").iterdir()) == ["a", "b"]
        shutil.rmtree(root)
        return code != 0

    assert cut_everywhere(try_one) > 60


def test_rollback_cut_at_any_step_leaves_a_version(pyz: Path, installed: Path, tmp_path: Path) -> None:
    def try_one(at: int) -> bool:
        root = tmp_path / str(at)
        shutil.copytree(installed, root, symlinks=True)
        code = run(pyz, "rollback", root=root, cut=at)
        assert version_in_use(root) in ("0.9.0", "1.0.0")
        run(pyz, "rollback", root=root)
        assert version_in_use(root) in ("0.9.0", "1.0.0")
        shutil.rmtree(root)
        return code != 0

    assert cut_everywhere(try_one) > 2


def test_server_answers_whatever_moment_an_install_beside_it_is_cut_off(
    pyz: Path, installed: Path, make_bundle: MakeBundle, serving: Callable[[Path], str], tmp_path: Path
) -> None:
    """Two devices take turns at the steps, as there are two cores at least."""

    def answers(address: str) -> str:
        answer = httpx.get(f"{address}/readyz", timeout=20)
        assert answer.status_code == 200
        return str(answer.json()["version"])

    def lane(first: int) -> int:
        root = tmp_path / str(first)
        shutil.copytree(installed, root, symlinks=True)
        address, before, cuts = serving(root), "1.0.0", 0
        for at in range(first, 400, 2):
            after = "1.2.0" if before != "1.2.0" else "1.1.0"
            words = ("install", make_bundle(version=after), "--allow-downgrade")
            code = run(pyz, *words, root=root, cut=at)
            assert answers(address) in (before, after)
            assert version_in_use(root) in (before, after)
            run(pyz, *words, root=root)
            assert answers(address) == version_in_use(root) == after
            if code == 0:
                return cuts
            before, cuts = after, cuts + 1
        raise AssertionError("the program never came to its end")

    for version in ("1.1.0", "1.2.0"):
        make_bundle(version=version)  # before both lanes want it
    with ThreadPoolExecutor(max_workers=2) as pool:
        assert sum(pool.map(lane, (1, 2))) > 60


def test_everything_is_on_the_disk_before_the_switch(
    pyz: Path, installed: Path, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    """The order of calls: a file is synced before its folder, both before the slot is named, which is synced before it
    is used.

    After a power cut a disk holds what was synced, and of later changes any part.
    """
    root = tmp_path / "root"
    shutil.copytree(installed, root, symlinks=True)
    log = tmp_path / "calls.jsonl"
    recorder = f"""
import json, os, runpy, sys
log = open({str(log)!r}, "a", buffering=1)
sync, rename, replace = os.fsync, os.rename, os.replace

def note(*call):
    log.write(json.dumps([os.path.relpath(each, {str(root)!r}) if os.sep in each else each for each in call]) + "\\n")

def synced(descriptor):
    note("sync", os.readlink(f"/proc/self/fd/{{descriptor}}"))
    sync(descriptor)

def renamed(source, target):
    note("rename", os.fspath(source), os.fspath(target))
    rename(source, target)

def replaced(source, target):
    note("rename", os.fspath(source), os.fspath(target))
    replace(source, target)

os.fsync, os.rename, os.replace = synced, renamed, replaced
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
    bundle = make_bundle(version="1.1.0")
    words = [sys.executable, "-c", recorder, str(pyz), "install", str(bundle), "--root", str(root)]
    subprocess.run(words, check=True, capture_output=True)
    calls = [tuple(json.loads(line)) for line in log.read_text().splitlines()]
    slot = current_slot(Root(path=root))
    assert slot is not None
    new = f"slots/.{slot.name}.new"
    named = calls.index(("rename", new, f"slots/{slot.name}"))
    used = calls.index(("rename", ".current.new", "current"))
    for file in ("bundle.json", "model.sig", *(each.name for each in read_description(slot).files)):
        written = calls.index(("sync", f"{new}/{file}"))
        folder = calls.index(("sync", str(Path(new, file).parent)))
        assert written < folder < named
    assert named < calls.index(("sync", "slots")) < used
    assert calls.index(("sync", ".")) > used


def test_disk_that_fills_up_leaves_the_version_in_use(
    pyz: Path, installed: Path, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a small file system")
    try:
        shutil.copytree(installed, place / "root", symlinks=True)
        (place / "ballast").write_bytes(np.random.default_rng(0).bytes(18 * 2**20))
        words = [sys.executable, str(pyz), "install", str(make_bundle(version="1.1.0")), "--root", str(place / "root")]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "bytes are free" in done.stderr
        assert version_in_use(place / "root") == "1.0.0"
        (place / "ballast").unlink()
        run(pyz, "install", make_bundle(version="1.1.0"), root=place / "root")
        assert version_in_use(place / "root") == "1.1.0"
    finally:
        subprocess.run(["umount", str(place)], check=True)
