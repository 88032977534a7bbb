"""What a deployment will do, step by step, from what the device tells; nothing is done yet."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from edge.deploy.package import Package
from edge.deploy.seen import Seen
from edge.device.bundle.signature import hint_of
from edge.device.bundle.versions import dotted_key
from edge.device.errors import BadBundle, BadSetting, Unavailable
from edge.device.requirements import require_kind, require_newer
from edge.device.slots import Device as Kind

Act = Literal["runner", "enroll", "bundle", "install", "tidy"]

_SPARE = 16 * 2**20  # bytes that the device keeps free

# What deployments bring to incoming. Other names there are somebody else's.
_BROUGHT = re.compile(
    r"([0-9a-f]{64}\.bundle|edgewise-device-[0-9a-f]{12}\.pyz|[0-9a-f]{16}\.pem)(\.partial)?", re.ASCII
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to deploy. `root`: the device's folder, empty for its own choice. `key`: the public key that must have signed
    the bundle, and that the device is to trust. `target` and `board`: what the device is told to be. `wait`: seconds
    that a running server has for taking the new version over."""

    root: str = ""
    key: Path | None = None
    target: str = ""
    board: str = ""
    allow_downgrade: bool = False
    wait: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Step:
    """`bytes`: what is sent. `names`: files of incoming that it is about."""

    act: Act
    words: str
    bytes: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`up_to_date`: that very bundle is in use already."""

    steps: tuple[Step, ...]
    up_to_date: bool


def make_plan(package: Package, seen: Seen, settings: Settings) -> Plan:
    """The steps from what was `seen` to the package in use.

    Raises BadBundle where the device would refuse it, Unavailable where it has too little room or another's folder.
    """
    require_possible(package, seen, settings)
    up_to_date = _is_in_use(package, seen)
    new_key = settings.key if settings.key and hint_of(read_key(settings.key)) not in trusted(seen) else None
    used = _leftover(package, seen)
    steps: list[Step] = []
    if new_key or not up_to_date:
        steps.extend(_upload(package.runner_name, len(package.runner), "runner", seen))
    if new_key:
        name = key_name(read_key(new_key))
        used |= {name}
        steps.append(
            Step(act="enroll", words=f"trust the key {new_key.name}", bytes=new_key.stat().st_size, names=(name,))
        )
    if not up_to_date:
        steps.extend(_upload(package.file_name, package.size, "bundle", seen))
        used |= {package.file_name}
        before = f", {seen.status.version} is kept" if seen.status and seen.status.version else ""
        words = f"verify, unpack, self-test, switch to {package.description.version}{before}"
        steps.append(Step(act="install", words=words, names=(package.file_name,)))
    if used:
        words = f"remove what was uploaded, {len(used)} file{'s' if len(used) > 1 else ''}; the runner stays"
        steps.append(Step(act="tidy", words=words, names=tuple(sorted(used))))
    return Plan(steps=tuple(steps), up_to_date=up_to_date)


def require_possible(package: Package, seen: Seen, settings: Settings) -> None:
    """Raise what the device would raise in the end, before anything is sent; it looks at all of it again."""
    description, facts, status = package.description, seen.facts, seen.status
    if dotted_key(facts.python)[:2] < dotted_key(description.python)[:2]:
        raise BadBundle(
            f"{description.file_name}: needs Python {description.python} or newer, the device has {facts.python[:20]}; "
            "install a newer one and name it with --python"
        )
    if not facts.writable:
        raise Unavailable(f"{facts.root}: not writable for this user; name another folder with --root, or another user")
    if status is not None:
        require_kind(description, Kind(id="", target=status.target or "", board=status.board or ""))
        installed = (
            replace(description, name=status.name, version=status.version) if status.name and status.version else None
        )
        require_newer(description, installed, allow_downgrade=settings.allow_downgrade)
    need = description.size + package.size - facts.incoming.get(package.file_name, 0) + _SPARE
    if facts.free_bytes < need and not _is_in_use(package, seen):
        raise Unavailable(
            f"{facts.root}: {facts.free_bytes:,} bytes are free there, the deployment takes {need:,}; free some, then "
            "run the same command again"
        )


def trusted(seen: Seen) -> dict[str, str]:
    """The keys that the device trusts, by what signatures call them; a file that holds no key is left out."""
    found = {}
    for pem in seen.facts.trusted:
        try:
            found[hint_of(pem)] = pem
        except ValueError:
            continue
    return found


def key_name(pem: str) -> str:
    """What the file of a public key is called on its way."""
    return f"{hint_of(pem)[:16]}.pem"


def read_key(path: Path) -> str:
    """The public key at `path`; raises BadSetting where there is none."""
    try:
        text = path.read_text(encoding="ascii")
        hint_of(text)
    except (OSError, ValueError) as error:
        raise BadSetting(f"{path}: not a public key in PEM form ({error}); expected the .pub.pem file") from None
    return text


def _is_in_use(package: Package, seen: Seen) -> bool:
    """Whether that very bundle is installed, and a server that runs there, if any, answers with it."""
    status = seen.status
    if status is None or seen.facts.installed != package.described:
        return False
    return status.server is None or (status.server.slot, status.server.state) == (status.slot, "serving")


def _upload(name: str, size: int, act: Literal["runner", "bundle"], seen: Seen) -> list[Step]:
    """Nothing where the whole file is there."""
    if seen.facts.incoming.get(name) == size:
        return []
    there = min(seen.facts.incoming.get(f"{name}.partial", 0), size)
    what = "the runner" if act == "runner" else "the bundle"
    after = f", {there:,} of {size:,} bytes are there" if there else ""
    return [Step(act=act, words=f"upload {what}{after}", bytes=size - there, names=(name,))]


def _leftover(package: Package, seen: Seen) -> set[str]:
    """What earlier deployments left: bundles that are installed or were given up, and older runners."""
    kept = (package.runner_name, f"{package.runner_name}.partial")
    return {name for name in seen.facts.incoming if _BROUGHT.fullmatch(name) and name not in kept}
