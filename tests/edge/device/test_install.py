"""A version comes into use when it has proven itself on the device, and the one before stays until then."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from edge.bundle.making import pack
from edge.bundle.signing import make_key, sign
from edge.device.bundle import unpack
from edge.device.bundle.description import as_json

MakeBundle = Callable[..., Path]


@dataclass(frozen=True, kw_only=True)
class Ended:
    code: int
    steps: list[dict[str, object]]
    error: str


Runner = Callable[..., Ended]


@pytest.fixture
def device(pyz: Path, tmp_path: Path, signing_key: Path) -> Runner:
    """The runner on a device of its own that trusts `signing_key`: device("install", bundle)."""

    def run(command: str, *arguments: object) -> Ended:
        words = [sys.executable, str(pyz), command, *map(str, arguments), "--root", str(tmp_path / "root")]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
        return Ended(
            code=done.returncode, steps=[json.loads(line) for line in done.stdout.splitlines()], error=done.stderr
        )

    assert run("enroll", signing_key.with_suffix(".pub.pem")).code == 0
    return run


def in_use(device: Runner) -> object:
    return device("status").steps[0]["version"]


def test_first_bundle_goes_through_every_step(device: Runner, make_bundle: MakeBundle, tmp_path: Path) -> None:
    done = device("install", make_bundle())
    assert done.code == 0, done.error
    assert [step["step"] for step in done.steps] == ["verified", "unpacked", "tested", "switched", "done"]
    assert done.steps[2]["vectors"] == 16
    status = device("status").steps[0]
    assert (status["name"], status["version"], status["slot"], status["target"]) == ("tiny", "1.0.0", "a", "cpu")
    assert str((tmp_path / "root" / "current").readlink()) == "slots/a"
    test = device("selftest").steps[0]
    assert (test["ok"], test["version"], test["runtime"], test["vectors"]) == (True, "1.0.0", "litert", 16)


def test_newer_version_takes_the_other_slot_and_rollback_returns(device: Runner, make_bundle: MakeBundle) -> None:
    for version, slot in (("1.0.0", "a"), ("1.1.0", "b"), ("1.2.0", "a")):
        assert device("install", make_bundle(version=version)).steps[-1]["slot"] == slot
    assert device("status").steps[0]["previous"] == {"name": "tiny", "version": "1.1.0"}
    assert device("rollback").code == 0
    assert in_use(device) == "1.1.0"
    assert device("rollback").code == 0
    assert in_use(device) == "1.2.0"


def test_older_version_is_refused_unless_asked_for(device: Runner, make_bundle: MakeBundle) -> None:
    assert device("install", make_bundle(version="1.10.0")).code == 0
    refused = device("install", make_bundle(version="1.9.0"))
    assert refused.code == 2
    assert "older than 1.10.0, which is installed; --allow-downgrade" in refused.error
    assert in_use(device) == "1.10.0"
    assert device("install", make_bundle(version="1.9.0"), "--allow-downgrade").code == 0
    assert in_use(device) == "1.9.0"


def test_another_model_is_refused_unless_asked_for(device: Runner, make_bundle: MakeBundle) -> None:
    assert device("install", make_bundle()).code == 0
    refused = device("install", make_bundle(name="other", version="2.0.0"))
    assert (refused.code, "this device runs tiny" in refused.error) == (2, True)


def test_bundle_for_another_target_or_board_is_refused(
    device: Runner, make_bundle: MakeBundle, signing_key: Path
) -> None:
    device("enroll", signing_key.with_suffix(".pub.pem"), "--target", "coral", "--board", "dev-board")
    refused = device("install", make_bundle())
    assert (refused.code, "for cpu, this device is a coral" in refused.error) == (2, True)
    refused = device("install", make_bundle(target="coral", board="usb-accelerator"))
    assert (refused.code, "for the board usb-accelerator, this is a dev-board" in refused.error) == (2, True)
    refused = device("install", make_bundle(target="mcu"))
    assert (refused.code, "for mcu, whose artefacts are flashed" in refused.error) == (2, True)
    assert in_use(device) is None


def test_unknown_key_is_refused_until_it_is_enrolled(device: Runner, make_bundle: MakeBundle, tmp_path: Path) -> None:
    public = make_key(tmp_path / "other.pem")
    bundle = make_bundle(key=tmp_path / "other.pem")
    refused = device("install", bundle)
    assert (refused.code, "which is not trusted here" in refused.error) == (2, True)
    assert device("enroll", public).code == 0
    assert device("install", bundle).code == 0


def test_version_that_fails_its_self_test_never_comes_into_use(
    device: Runner, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    assert device("install", make_bundle()).code == 0
    refused = device("install", make_bundle(version="2.0.0", broken=True))
    assert refused.code == 3
    assert "the self-test failed" in refused.error and "golden vector" in refused.error
    assert in_use(device) == "1.0.0"
    assert sorted(path.name for path in (tmp_path / "root" / "slots").iterdir()) == ["a"]


# Passes its self-test, whatever the model, and cannot serve.
DECEITFUL = b"""import sys
if sys.argv[1] == "selftest":
    print('{"vectors": 16}')
else:
    sys.exit("out of order")
"""


def test_version_that_the_server_cannot_serve_is_taken_back(
    pyz: Path,
    installed: Path,
    make_bundle: MakeBundle,
    signing_key: Path,
    public_key: Path,
    serving: Callable[[Path], str],
    tmp_path: Path,
) -> None:
    folder, root = tmp_path / "tiny-2.0.0-cpu.bundle", tmp_path / "root"
    description = unpack(make_bundle(version="2.0.0"), folder, [public_key])
    (folder / "edgewise-device.pyz").write_bytes(DECEITFUL)
    digest = hashlib.sha256(DECEITFUL).hexdigest()
    files = [
        replace(file, size=len(DECEITFUL), sha256=digest) if file.name == "edgewise-device.pyz" else file
        for file in description.files
    ]
    (folder / "bundle.json").write_text(json.dumps(as_json(replace(description, files=tuple(files)))))
    (folder / "model.sig").unlink()
    names = ["bundle.json", *(file.name for file in files)]
    signature = {"model.sig": sign(folder, signing_key)}
    (tmp_path / "deceitful.bundle").write_bytes(
        pack({**signature, **{name: (folder / name).read_bytes() for name in names}})
    )
    shutil.copytree(installed, root, symlinks=True)
    address = serving(root)
    words = [sys.executable, str(pyz), "install", str(tmp_path / "deceitful.bundle"), "--root", str(root)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 3
    assert "the server does not come up with it: " in done.stderr
    assert "the version before is in use again" in done.stderr
    assert httpx.get(f"{address}/readyz").json()["version"] == "1.0.0"
    assert sorted(path.name for path in (root / "slots").iterdir()) == [(root / "current").readlink().name]


def test_runtime_that_is_missing_is_named(
    pyz: Path, make_bundle: MakeBundle, signing_key: Path, tmp_path: Path
) -> None:
    """In a Python that has no package at all."""
    venv.create(tmp_path / "bare", with_pip=False)
    (tmp_path / "root" / "trusted").mkdir(parents=True)
    shutil.copyfile(signing_key.with_suffix(".pub.pem"), tmp_path / "root" / "trusted" / "key.pem")
    words = [tmp_path / "bare" / "bin" / "python", pyz, "install", make_bundle(), "--root", tmp_path / "root"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "needs one of these runtimes: ai-edge-litert 1.0.1 or newer, which is not installed" in done.stderr


# What the runner is told to need: numpy, and the runtime of the target with what that imports.
STATED = ("numpy", "numpy.libs", "ai_edge_litert", "ai_edge_litert-*.dist-info", "backports", "flatbuffers")


def test_runner_needs_numpy_and_its_runtime_alone(
    pyz: Path, make_bundle: MakeBundle, signing_key: Path, tmp_path: Path
) -> None:
    """Python without site-packages, the user's or the system's, and without the current folder and the environment."""
    (tmp_path / "packages").mkdir()
    for package in (each for name in STATED for each in Path(sysconfig.get_path("platlib")).glob(name)):
        (tmp_path / "packages" / package.name).symlink_to(package)
    start = (
        "import runpy, sys; sys.path.append(sys.argv.pop(1)); del sys.argv[0]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )

    def run(*words: object, **more: object) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-S", "-I", "-c", start, str(tmp_path / "packages"), str(pyz), *map(str, words)]
        return subprocess.run(command, capture_output=True, check=False, **more)  # type: ignore[call-overload, no-any-return]

    key = signing_key.with_suffix(".pub.pem")
    tested = run("selftest", "--bundle", make_bundle(), "--key", key)
    assert tested.returncode == 0, tested.stderr
    assert json.loads(tested.stdout)["vectors"] == 16
    answered = run("run", "-", "--bundle", make_bundle(), "--key", key, input=bytes(2 * 64))
    assert answered.returncode == 0, answered.stderr
    assert len(answered.stdout.splitlines()) == 2
    assert run("verify", make_bundle(), "--key", key).returncode == 0


def test_two_installs_at_once_are_one(device: Runner, make_bundle: MakeBundle, tmp_path: Path) -> None:
    assert device("install", make_bundle()).code == 0
    with (tmp_path / "root" / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        refused = device("install", make_bundle(version="1.1.0"))
    assert (refused.code, "another install, update or rollback is at work there" in refused.error) == (2, True)
    assert device("install", make_bundle(version="1.1.0")).code == 0


def test_damaged_version_in_use_is_replaced_or_left_behind(
    device: Runner, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    for command in (("install", make_bundle(version="1.1.0")), ("rollback",)):
        assert device("install", make_bundle(), "--allow-downgrade").code == 0
        assert device("install", make_bundle(version="1.2.0")).code == 0
        (tmp_path / "root" / "current" / "bundle.json").write_text("{")
        assert device("status").steps[0]["version"] is None
        done = device(*command)
        assert done.code == 0, done.error
        assert in_use(device) in ("1.1.0", "1.0.0")


def test_install_whose_output_nobody_reads_goes_on(installed: Path, make_bundle: MakeBundle, tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree(installed, root, symlinks=True)
    command = [sys.executable, str(root / "current" / "edgewise-device.pyz"), "install", "--root", str(root)]
    with subprocess.Popen([*command, str(make_bundle(version="1.1.0"))], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(60) == 0
    assert json.loads((root / "current" / "bundle.json").read_text())["version"] == "1.1.0"


def test_runner_in_a_slot_knows_its_folder(installed: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "EDGEWISE_ROOT"}
    command = [sys.executable, str(installed / "current" / "edgewise-device.pyz"), "status"]
    done = subprocess.run(command, capture_output=True, check=True, env=environment)
    told = json.loads(done.stdout)
    assert (told["root"], told["version"]) == (str(installed), "1.0.0")


def test_rollback_without_a_version_before_is_refused(device: Runner, make_bundle: MakeBundle) -> None:
    assert "no other version to go back to" in device("rollback").error
    device("install", make_bundle())
    assert "no other version to go back to" in device("rollback").error


def test_verify_says_what_a_bundle_is(device: Runner, make_bundle: MakeBundle, tmp_path: Path) -> None:
    assert device("verify", make_bundle()).steps[0]["version"] == "1.0.0"
    (tmp_path / "cut.bundle").write_bytes(make_bundle().read_bytes()[:-1])
    refused = device("verify", tmp_path / "cut.bundle")
    assert (refused.code, "cut short or altered" in refused.error) == (2, True)


@pytest.mark.parametrize("words", [["install", "nowhere"], ["enroll", "nowhere"], ["verify", "nowhere"]])
def test_file_that_is_not_there_is_one_line(device: Runner, words: list[str]) -> None:
    refused = device(*words)
    assert refused.code == 2
    assert len(refused.error.splitlines()) == 1 and "nowhere" in refused.error


def test_damaged_device_json_says_what_to_do(device: Runner, make_bundle: MakeBundle, tmp_path: Path) -> None:
    (tmp_path / "root" / "device.json").write_text("{")
    refused = device("install", make_bundle())
    assert (refused.code, "delete" in refused.error) == (2, True)
