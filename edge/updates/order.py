"""What a publication shall change, and the policy that comes of it."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.device.errors import BadRepository
from edge.device.update.choice import Offer
from edge.device.update.policy import Policy

_ENDING = ".bundle"


@dataclass(frozen=True, kw_only=True)
class Pin:
    """`name` is empty where the repository has bundles of one name alone."""

    device: str
    version: str
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Order:
    """`bundles`: files, or names of bundles that stand in the repository. `rollout`: percent of the fleet for these."""

    bundles: tuple[Path, ...] = ()
    rollout: float | None = None
    halt: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()
    pin: tuple[Pin, ...] = ()
    unpin: tuple[str, ...] = ()
    refresh: bool = False


def pin_of(text: str) -> Pin:
    """DEVICE=VERSION or DEVICE=NAME:VERSION; raises BadRepository where it is neither."""
    device, _, rest = text.partition("=")
    name, _, version = rest.rpartition(":")
    if not device or not version:
        raise BadRepository(f"--pin {text}: expected DEVICE=VERSION or DEVICE=NAME:VERSION, such as 3f2c...=1.1.0")
    return Pin(device=device, version=version, name=name)


def changed(policy: Policy, order: Order, given: Collection[str], known: Mapping[str, Offer]) -> Policy:
    """The policy after `order`.

    `given`: files of the bundles that it names. `known`: all bundles that the repository will have, by file.
    Raises BadRepository where it names a bundle or a version that is not there.
    """
    rollout = dict(policy.rollout)
    for file in given if order.rollout is not None else ():
        rollout[file] = order.rollout or 0
        if order.rollout == 100:
            del rollout[file]  # what goes without saying
    halt, resume = ({file_of(name, known) for name in names} for names in (order.halt, order.resume))
    pins = {device: dict(versions) for device, versions in policy.pins.items() if device not in order.unpin}
    _require_pinned(policy, order.unpin)
    for pin in order.pin:
        pins.setdefault(pin.device, {})[_pinned_name(pin, known)] = pin.version
    halted = sorted((set(policy.halted) | halt) - resume)
    return Policy(rollout=rollout, halted=tuple(halted), pins=pins)


def file_of(name: str, known: Collection[str]) -> str:
    """The bundle's file that is called `name`, with its ending or without; raises BadRepository where there is none."""
    file = name if name.endswith(_ENDING) else name + _ENDING
    if file not in known:
        near = difflib.get_close_matches(file, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(sorted(known)) or 'none'}"
        raise BadRepository(f"{name}: no such bundle in the repository{hint}")
    return file


def _pinned_name(pin: Pin, known: Mapping[str, Offer]) -> str:
    names = sorted({each.name for each in known.values()})
    if not pin.name and len(names) != 1:
        raise BadRepository(
            f"--pin {pin.device}={pin.version}: of which of {', '.join(names) or 'no names at all'}? "
            f"Write {pin.device}=NAME:{pin.version}"
        )
    name = pin.name or names[0]
    versions = sorted({each.version for each in known.values() if each.name == name})
    if pin.version not in versions:
        raise BadRepository(
            f"--pin {pin.device}={pin.version}: {name} has no such version in the repository; "
            f"there are: {', '.join(versions) or 'none'}"
        )
    return name


def _require_pinned(policy: Policy, devices: tuple[str, ...]) -> None:
    for device in devices:
        if device not in policy.pins:
            raise BadRepository(
                f"--unpin {device}: is not pinned; there are: {', '.join(sorted(policy.pins)) or 'none'}"
            )
