"""A key that was stolen, or may have been, is replaced by a new one; devices learn of it by the next root."""

from datetime import UTC, datetime
from pathlib import Path

from securesystemslib.signer import Key
from tuf.api.metadata import Root

from edge.device.errors import BadRepository
from edge.device.files import sync_folder, write_bytes
from edge.updates.keys import ROLES, Keys, key_of, make_successor, read_keys, require_own, settle
from edge.updates.plan import Plan, Terms
from edge.updates.publication import alone
from edge.updates.state import metadata_of, read_root, read_state
from edge.updates.writing import Pen, write


def renew_key(repository: Path, folder: Path, name: str, terms: Terms) -> int:
    """Replace the key `name` of `repository`, such as root-2 or targets; the version of the root that says so.

    First everything is signed by the old key and the new one, then the root names the new one alone: at every moment
    devices accept what they find, and after a kill the same again goes on.
    Raises BadRepository where too few root keys are at hand, or the key's own is not.
    """
    role = name.partition("-")[0]
    with alone(folder):
        root, state = read_root(repository), read_state(repository)
        if root is None or state is None:
            raise BadRepository(f"{repository}: nothing was published there yet, so there are no keys to renew")
        settle(folder, root.signed)
        keys = read_keys(folder)
        require_own(root.signed, keys)
        if not keys.can_sign(root.signed):
            raise BadRepository(f"{folder}: two root keys sign for a new key; bring two of root-1.pem to root-3.pem")
        given_up = _given_up(root.signed, role, name, keys)
        new = make_successor(folder, name)
        pen = Pen(keys=read_keys(folder), terms=terms, now=datetime.now(UTC).replace(microsecond=0))
        if role != "root":
            plan = Plan(bundles=state.bundles, policy=state.policy, added=(), roles=ROLES[1:])
            write(repository, plan, root, state, pen)
        following = _with(root.signed, role, given_up, new)
        write_bytes(metadata_of(repository) / f"{following.version}.root.json", pen.sign(following).to_bytes())
        sync_folder(metadata_of(repository))
        settle(folder, following)
    return following.version


def _with(root: Root, role: str, given_up: list[str], new: Key) -> Root:
    following = Root.from_dict(root.to_dict())
    following.version += 1
    for keyid in given_up:
        following.revoke_key(keyid, role)
    following.add_key(new, role)
    return following


def _given_up(root: Root, role: str, name: str, keys: Keys) -> list[str]:
    """The ids of the keys that `name` stands for; a root key that is lost is the only one that is not at hand."""
    named = list(root.roles[role].keyids)
    if role != "root":
        return named
    key = key_of(keys.folder, name)
    at_hand = {each.public_key.keyid for each in keys.signers[role]}
    lost = [keyid for keyid in named if keyid not in at_hand] if key is None else [key.keyid]
    if len(lost) != 1:
        raise BadRepository(f"{keys.folder}: {name} cannot be told from the others that are not there; bring those")
    return lost
