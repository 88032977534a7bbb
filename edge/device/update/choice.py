"""Which bundle of a repository is for this device, if any, and in words why the others are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edge.device.bundle.description import Description
from edge.device.bundle.versions import version_key
from edge.device.slots import Device
from edge.device.update.policy import Policy, covers, position


@dataclass(frozen=True)
class Offer:
    """A bundle as the repository's signed metadata describes it; `board` is empty where it is for any."""

    file: str
    name: str
    version: str
    target: str
    board: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Choice:
    """`offer`: what to install, None where nothing is. `passed`: for each newer one that is not taken, why."""

    offer: Offer | None
    passed: tuple[str, ...] = ()


def choose(
    offers: Iterable[Offer],
    device: Device,
    installed: Description,
    policy: Policy,
    failed: Mapping[str, str],
    pin: str = "",
) -> Choice:
    """The newest bundle of the installed name, target and board that this device may have, if newer than `installed`.

    `pin`: the only version to take, before the one that the policy pins the device to; a pin needs no roll-out, yet it
    takes nothing that is halted, has failed here (`failed`: why, by file) or is older than what is installed.
    """
    own = [
        offer
        for offer in offers
        if (offer.name, offer.target) == (installed.name, device.target) and offer.board in ("", device.board)
    ]
    wanted = pin or policy.pins.get(device.id, {}).get(installed.name, "")
    if wanted:
        own = [offer for offer in own if offer.version == wanted]
        refusal = _pin_refused(wanted, own, installed)
        if refusal:
            return Choice(offer=None, passed=(refusal,))
    passed: list[str] = []
    for offer in sorted(own, key=lambda each: version_key(each.version), reverse=True):
        if version_key(offer.version) <= version_key(installed.version):
            break
        reason = _reason(offer, device, policy, failed, is_pinned=bool(wanted))
        if not reason:
            return Choice(offer=offer, passed=tuple(passed))
        passed.append(reason)
    return Choice(offer=None, passed=tuple(passed))


def _pin_refused(wanted: str, own: list[Offer], installed: Description) -> str:
    """Why the pinned version cannot be had, empty where it can, or is there."""
    if not own:
        return f"pinned to {installed.name} {wanted}, which the repository does not have for this target and board"
    if version_key(wanted) < version_key(installed.version):
        return (
            f"pinned to {installed.name} {wanted}, older than {installed.version}, which is installed; "
            "`rollback`, or `install --allow-downgrade`, goes back"
        )
    return ""


def _reason(offer: Offer, device: Device, policy: Policy, failed: Mapping[str, str], *, is_pinned: bool) -> str:
    """Why a newer bundle is not taken, empty where it is."""
    if offer.file in policy.halted:
        return f"{offer.file}: halted"
    if offer.file in failed:
        return f"{offer.file}: {failed[offer.file]}; not tried again until another version is published"
    if not is_pinned and not covers(policy, device.id, offer.file):
        share, place = policy.percent(offer.file), position(device.id, offer.file)
        return f"{offer.file}: rolled out to {share:g} % of the devices, this one comes at {place:.2f} %"
    return ""
