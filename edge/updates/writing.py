"""A planned publication onto the disk, so that nobody ever sees half of it.

Every file but timestamp.json has a name that is used once: bundles have their hash in it, metadata its version. They
are written first, and bring nothing about; the last rename, of timestamp.json, makes all of them the repository.
"""

import hashlib
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from edge.device.errors import BadBundle
from edge.device.files import sync_folder, write_bytes
from edge.device.update.client import ISSUED
from edge.device.update.policy import NAME as POLICY
from edge.device.update.policy import as_json
from edge.updates.bundles import Bundle
from edge.updates.keys import Keys
from edge.updates.plan import Plan, Terms
from edge.updates.state import State, highest, metadata_of, place_of

_CHUNK = 2**20

Kind = TypeVar("Kind", Root, Timestamp, Snapshot, Targets)


@dataclass(frozen=True, kw_only=True)
class Pen:
    """What it takes to sign."""

    keys: Keys
    terms: Terms
    now: datetime

    def sign(self, content: Kind) -> Metadata[Kind]:
        """`content` with its time of expiry, signed by all keys of its role that are at hand."""
        role = content.type
        content.expires = self.now + timedelta(days=getattr(self.terms, role))
        metadata: Metadata[Kind] = Metadata(content)
        for signer in self.keys.signers[role]:
            metadata.sign(signer, append=True)
        return metadata


def write(repository: Path, plan: Plan, root: Metadata[Root], before: State | None, pen: Pen) -> State:
    """Write what `plan` says; `root` is the one that stands there already, or a first one, signed."""
    _make_ready(repository)
    for bundle in plan.added:
        _copy(bundle, place_of(repository, bundle.target()))
    content = as_json(plan.policy)
    policy = TargetFile.from_data(POLICY, content, ["sha256"])
    write_bytes(place_of(repository, policy), content)
    sync_folder(repository / "targets")
    folder = metadata_of(repository)
    if "root" in plan.roles:
        root = _next_root(root, before, pen)
        write_bytes(folder / f"{root.signed.version}.root.json", root.to_bytes())
    if before is None or "targets" in plan.roles:
        version = highest(repository, "targets") + 1
        targets = pen.sign(Targets(version=version, targets={**plan.bundles, POLICY: policy}))
        told = _write(folder, version, targets)
    else:
        targets, told = before.targets, before.snapshot.signed.meta["targets.json"]
    if before is None or "snapshot" in plan.roles:
        version = highest(repository, "snapshot") + 1
        snapshot = pen.sign(Snapshot(version=version, meta={"targets.json": told}))
        told = _write(folder, version, snapshot)
    else:
        snapshot, told = before.snapshot, before.timestamp.signed.snapshot_meta
    sync_folder(folder)
    timestamp = pen.sign(_next_timestamp(told, before, pen.now))
    write_bytes(folder / "timestamp.json", timestamp.to_bytes())
    sync_folder(folder)
    return State(root=root, timestamp=timestamp, snapshot=snapshot, targets=targets, policy=plan.policy)


def _next_root(root: Metadata[Root], before: State | None, pen: Pen) -> Metadata[Root]:
    """The first root as it is; a later one with a higher version, signed anew."""
    if before is None:
        return root
    following = Root.from_dict(root.signed.to_dict())
    following.version += 1
    return pen.sign(following)


def _next_timestamp(snapshot: MetaFile, before: State | None, now: datetime) -> Timestamp:
    return Timestamp(
        version=before.timestamp.signed.version + 1 if before else 1,
        snapshot_meta=snapshot,
        unrecognized_fields={ISSUED: int(now.timestamp())},
    )


def _write(folder: Path, version: int, metadata: Metadata[Snapshot] | Metadata[Targets]) -> MetaFile:
    """Write a role's file under a name that none had before, and return what the role above says of it."""
    content = metadata.to_bytes()
    write_bytes(folder / f"{version}.{metadata.signed.type}.json", content)
    return MetaFile.from_data(version, content, ["sha256"])


def _make_ready(repository: Path) -> None:
    for folder in (metadata_of(repository), repository / "targets"):
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(".*.partial"):
            left.unlink()  # of a publication that was cut off


def _copy(bundle: Bundle, place: Path) -> None:
    digest = hashlib.sha256()
    partial = place.with_name(f".{place.name}.partial")
    with bundle.path.open("rb") as source, partial.open("wb") as copy:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            copy.write(chunk)
        copy.flush()
        os.fsync(copy.fileno())
    if digest.hexdigest() != bundle.sha256:
        raise BadBundle(f"{bundle.path}: changed while it was published; publish it again")
    partial.replace(place)
