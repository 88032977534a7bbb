"""What a publication changes, found out before anything is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tuf.api.metadata import Metadata, Root, Signed, TargetFile

from edge.device.errors import BadRepository
from edge.device.update.client import offer_of
from edge.device.update.policy import Policy
from edge.updates.bundles import Bundle, read_bundle
from edge.updates.keys import ROLES, Keys
from edge.updates.order import Order, changed, file_of
from edge.updates.state import State, place_of


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Days for which a signature holds."""

    root: float = 365
    targets: float = 90
    snapshot: float = 90
    timestamp: float = 7


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`bundles` will be there, by file, of which those in `added` are to be copied. `roles` are to be signed anew."""

    bundles: Mapping[str, TargetFile]
    policy: Policy
    added: tuple[Bundle, ...]
    roles: tuple[str, ...]


def plan_of(repository: Path, state: State | None, order: Order, key: Path | None) -> Plan:
    """What `order` makes of `state`; `roles` are those that change by it.

    Raises BadBundle where a bundle cannot be used, BadRepository where the order cannot be carried out.
    """
    before = state.bundles if state else {}
    given, added = [], []
    for path in order.bundles:
        if not path.exists():  # not a file: the name of a bundle that stands there
            given.append(file_of(path.name, before))
            continue
        bundle = read_bundle(path, key)
        given.append(bundle.description.file_name)
        if _is_new(bundle, before, repository):
            added.append(bundle)
    bundles = before | {bundle.description.file_name: bundle.target() for bundle in added}
    _require_whole(repository, bundles, {bundle.description.file_name for bundle in added})
    policy = changed(
        state.policy if state else Policy(), order, given, {name: offer_of(each) for name, each in bundles.items()}
    )
    is_same = state is not None and dict(bundles) == dict(before) and policy == state.policy
    return Plan(bundles=bundles, policy=policy, added=tuple(added), roles=() if is_same else ROLES[1:])


def due(root: Metadata[Root], state: State, terms: Terms, now: datetime) -> tuple[str, ...]:
    """The roles whose signatures have lived half of their time, with those that name them; the timestamp always."""
    half = {
        "root": _is_half_over(root.signed, terms.root, now),
        "targets": _is_half_over(state.targets.signed, terms.targets, now),
        "snapshot": _is_half_over(state.snapshot.signed, terms.snapshot, now),
        "timestamp": True,
    }
    half["snapshot"] |= half["targets"]
    return tuple(role for role in ROLES if half[role])


def warnings(root: Metadata[Root], keys: Keys, terms: Terms, now: datetime) -> tuple[str, ...]:
    """What has to be done before long."""
    if keys.can_sign(root.signed) or not _is_half_over(root.signed, terms.root, now):
        return ()
    return (
        f"root holds until {root.signed.expires:%Y-%m-%d}: bring two of its keys, root-1.pem to root-3.pem, to "
        f"{keys.folder}, and publish with --refresh before",
    )


def _is_half_over(signed: Signed, days: float, now: datetime) -> bool:
    return signed.expires - now < timedelta(days=days) / 2


def _is_new(bundle: Bundle, before: Mapping[str, TargetFile], repository: Path) -> bool:
    """Whether the bundle's file is to be copied; raises BadRepository where its version is taken by another."""
    name = bundle.description.file_name
    if name not in before:
        return True
    if before[name].hashes["sha256"] != bundle.sha256:
        raise BadRepository(
            f"{bundle.path}: {name} is published already, with other content; devices that have it would never see "
            "this one: raise the version"
        )
    return not _is_whole(repository, before[name])


def _require_whole(repository: Path, bundles: Mapping[str, TargetFile], coming: set[str]) -> None:
    """Raise BadRepository where a bundle that was published is gone, or cut."""
    for name, target in bundles.items():
        if name not in coming and not _is_whole(repository, target):
            raise BadRepository(
                f"{place_of(repository, target)}: missing or cut short; publish {name} again from its file"
            )


def _is_whole(repository: Path, target: TargetFile) -> bool:
    place = place_of(repository, target)
    return place.exists() and place.stat().st_size == target.length
