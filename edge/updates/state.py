"""What stands in an update repository: four signed files that belong together, and the policy.

metadata/timestamp.json       which snapshot is the newest; the only file that ever changes
metadata/N.snapshot.json      which targets file belongs to it
metadata/N.targets.json       which bundles there are, with size and hash, and the policy
metadata/N.root.json          which keys sign what
targets/SHA256.NAME           bundles and policy.json
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization import DeserializationError

from edge.device.errors import BadRepository
from edge.device.update.policy import NAME as POLICY
from edge.device.update.policy import Policy, policy_of
from edge.updates.keys import ROOT_THRESHOLD, Keys

_REMEDY = "put the repository back from a copy, or make a new one in another folder"

Kind = TypeVar("Kind", Root, Timestamp, Snapshot, Targets)


@dataclass(frozen=True, kw_only=True)
class State:
    """The metadata that timestamp.json leads to."""

    root: Metadata[Root]
    timestamp: Metadata[Timestamp]
    snapshot: Metadata[Snapshot]
    targets: Metadata[Targets]
    policy: Policy

    @property
    def bundles(self) -> dict[str, TargetFile]:
        """The bundles by the names of their files."""
        return {name: each for name, each in sorted(self.targets.signed.targets.items()) if name != POLICY}


def metadata_of(repository: Path) -> Path:
    return repository / "metadata"


def place_of(repository: Path, target: TargetFile) -> Path:
    """Where a target's file stands, its hash before its name."""
    return repository / "targets" / f"{target.hashes['sha256']}.{target.path}"


def read_root(repository: Path) -> Metadata[Root] | None:
    """The newest root, None where there is none yet; raises BadRepository where it is damaged."""
    newest = highest(repository, "root")
    if newest == 0:
        return None
    root = _read(Metadata[Root], metadata_of(repository) / f"{newest}.root.json", Root)
    try:
        root.signed.verify_delegate("root", root.signed_bytes, root.signatures)
    except RepositoryError as error:
        raise BadRepository(f"{metadata_of(repository)}/{newest}.root.json: {error}; {_REMEDY}") from None
    return root


def read_state(repository: Path) -> State | None:
    """What the repository holds, None where nothing was ever published there.

    Raises BadRepository where a file is missing, or is not what was signed: nobody shall sign it anew unread.
    """
    folder, root = metadata_of(repository), read_root(repository)
    if root is None or not (folder / "timestamp.json").exists():
        return None
    try:
        timestamp = _read(Metadata[Timestamp], folder / "timestamp.json", Timestamp)
        told = timestamp.signed.snapshot_meta
        snapshot = _read(Metadata[Snapshot], folder / f"{told.version}.snapshot.json", Snapshot)
        version = snapshot.signed.meta["targets.json"].version
        targets = _read(Metadata[Targets], folder / f"{version}.targets.json", Targets)
        for role, each in (("timestamp", timestamp), ("snapshot", snapshot), ("targets", targets)):
            root.signed.verify_delegate(role, each.signed_bytes, each.signatures)
        policy = targets.signed.targets[POLICY]
        content = place_of(repository, policy).read_bytes()
        policy.verify_length_and_hashes(content)
    except FileNotFoundError as error:
        raise BadRepository(f"{error.filename}: not there; {_REMEDY}") from None
    except (RepositoryError, LookupError) as error:
        raise BadRepository(f"{repository}: not what was published there: {error}; {_REMEDY}") from None
    return State(root=root, timestamp=timestamp, snapshot=snapshot, targets=targets, policy=policy_of(content))


def highest(repository: Path, role: str) -> int:
    """The highest version of a role's file that stands in the repository, 0 where there is none."""
    found = (
        re.fullmatch(rf"(\d+)\.{role}\.json", each.name) for each in metadata_of(repository).glob(f"*.{role}.json")
    )
    return max((int(match.group(1)) for match in found if match), default=0)


def new_root(keys: Keys) -> Root:
    """A first root for `keys`, all of which must be there."""
    root = Root(consistent_snapshot=True)
    for role, signers in keys.signers.items():
        for signer in signers:
            root.add_key(signer.public_key, role)
    root.roles["root"].threshold = ROOT_THRESHOLD
    return root


def _read(form: type[Metadata[Kind]], file: Path, kind: type[Kind]) -> Metadata[Kind]:
    try:
        found = form.from_file(str(file))
    except DeserializationError:
        raise BadRepository(f"{file}: damaged; {_REMEDY}") from None
    if not isinstance(found.signed, kind):
        raise BadRepository(f"{file}: holds another role's metadata; {_REMEDY}")
    return found
