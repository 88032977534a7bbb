"""A package onto a device: look, plan, and carry the plan out."""

import hashlib
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.deploy.conversation import Device, ask, plain, talking
from edge.deploy.package import Package, require_signed
from edge.deploy.plan import Act, Plan, Settings, Step, make_plan, read_key, trusted
from edge.deploy.seen import LOOK_SECONDS, Seen, held, look
from edge.deploy.upload import upload
from edge.device.errors import BadBundle

Report = Callable[[str, int, int], None]

# Seconds between two lines of an install: in one of them a Jetson builds its engine.
_PATIENCE = {"jetson": 3600.0 + 120.0}
_PATIENCE_ELSE = 600.0


@dataclass(frozen=True, kw_only=True)
class Work:
    """One deployment, planned."""

    device: Device
    package: Package
    settings: Settings
    seen: Seen
    report: Report


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it. `told`: what the self-test on the device said, empty where nothing had to be done."""

    plan: Plan
    device_id: str
    slot: str
    told: Mapping[str, Any]


async def planned(device: Device, package: Package, settings: Settings) -> Plan:
    """What a deployment would do; the device is not changed.

    Raises what `deploy` raises before it changes anything.
    """
    seen = await look(device, settings.root, package.runner_name)
    _require_trust(package, seen, settings)
    return make_plan(package, seen, settings)


async def deploy(device: Device, package: Package, settings: Settings, report: Report) -> Outcome:
    """Make the package the version in use on the device.

    Raises BadBundle where host or device refuse it, Unavailable where the device cannot take it or the connection is
    lost, ProofFailed where it fails its self-test there or the server there does not come up with it. In each case the
    device keeps a version that works.
    """
    report("looking at the device", 0, 0)
    async with held(device, settings.root, package.runner_name) as seen:
        _require_trust(package, seen, settings)
        plan = make_plan(package, seen, settings)
        work = Work(device=device, package=package, settings=settings, seen=seen, report=report)
        told: dict[str, Any] = {}
        for step in plan.steps:
            told |= await _ACTS[step.act](work, step)
        status = seen.status
        slot = str(told.get("slot") or (status.slot if status else ""))
        return Outcome(plan=plan, device_id=str(told.get("id") or (status.id if status else "")), slot=slot, told=told)


def words_of(step: Mapping[str, Any]) -> str:
    """A line of `install` as people read it."""
    named = {name: plain(str(value)) for name, value in step.items()}
    match step.get("step"):
        case "verified":
            return f"verified {named.get('name')} {named.get('version')}"
        case "unpacked":
            return f"unpacked into slot {named.get('slot')}"
        case "tested":
            return f"self-test passed: {named.get('vectors')} golden vectors in {named.get('runtime')}"
        case "switched":
            return f"switched in {named.get('milliseconds')} ms"
        case "serving":
            return f"the server answers with {named.get('version')}"
        case other:
            return plain(str(other))


def _require_trust(package: Package, seen: Seen, settings: Settings) -> None:
    """Raise BadBundle unless the package is signed by --key, or else by a key that the device trusts: its runner is
    started there before the device can verify anything itself."""
    keys = trusted(seen)
    if settings.key is not None:
        require_signed(package, [settings.key])
    elif not keys:
        raise BadBundle(
            f"{package.description.file_name}: this device trusts no key yet; give it the public one with --key"
        )
    else:
        with tempfile.TemporaryDirectory(prefix="edgewise-") as folder:
            paths = [Path(folder) / f"{hint[:16]}.pem" for hint in keys]
            for path, pem in zip(paths, keys.values(), strict=True):
                path.write_text(pem, encoding="ascii")
            require_signed(package, paths)


async def _send(work: Work, step: Step, source: Path | bytes, size: int, sha256: str) -> dict[str, Any]:
    def sent(there: int, whole: int) -> None:
        work.report(step.words, there, whole)

    await upload(work.device, source, size, sha256, work.seen.place(step.names[0]), sent)
    return {}


async def _send_runner(work: Work, step: Step) -> dict[str, Any]:
    package = work.package
    return await _send(work, step, package.runner, len(package.runner), package.runner_sha256)


async def _send_bundle(work: Work, step: Step) -> dict[str, Any]:
    package = work.package
    return await _send(work, step, package.file, package.size, package.sha256)


async def _enroll(work: Work, step: Step) -> dict[str, Any]:
    if work.settings.key is None:
        raise ValueError("planned without a key")
    content = read_key(work.settings.key).encode("ascii")
    await _send(work, step, content, len(content), hashlib.sha256(content).hexdigest())
    options = ["--target", work.settings.target, "--board", work.settings.board]
    told = await ask(work.device, [*_runner(work, "enroll"), work.seen.place(step.names[0]), *options], LOOK_SECONDS)
    return {"id": told.get("id")}


async def _install(work: Work, step: Step) -> dict[str, Any]:
    settings = work.settings
    words = [*_runner(work, "install"), work.seen.place(step.names[0]), "--wait", f"{settings.wait:g}"]
    if settings.allow_downgrade:
        words.append("--allow-downgrade")
    patience = _PATIENCE.get(work.package.description.target, _PATIENCE_ELSE) + settings.wait
    told: dict[str, Any] = {}
    async with talking(work.device, words) as installing:
        while (line := await installing.hear(patience)) is not None:
            work.report(words_of(line), 0, 0)
            told |= {name: value for name, value in line.items() if name != "step"}
        await installing.end(patience)
    return told


async def _tidy(work: Work, step: Step) -> dict[str, Any]:
    paths = [work.seen.place(name) for name in step.names]
    async with talking(work.device, ["-f", "--", *paths], program="rm") as removing:
        await removing.end(LOOK_SECONDS)
    return {}


def _runner(work: Work, command: str) -> list[str]:
    return [work.seen.place(work.package.runner_name), command, "--root", work.seen.facts.root]


_ACTS: dict[Act, Callable[[Work, Step], Awaitable[dict[str, Any]]]] = {
    "runner": _send_runner,
    "enroll": _enroll,
    "bundle": _send_bundle,
    "install": _install,
    "tidy": _tidy,
}
