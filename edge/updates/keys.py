"""The keys of an update repository, one file each, in a folder that is never served.

root-1.pem root-2.pem root-3.pem   two of them sign which keys the other roles have; better kept elsewhere
targets.pem                        signs which bundles there are, and the policy
snapshot.pem timestamp.pem         sign what belongs together, and that it is the newest
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner, Key
from tuf.api.metadata import Root

from edge.device.errors import BadRepository
from edge.device.files import sync_folder

ROOT_THRESHOLD = 2  # of three: one may be lost, and one stolen
ROLES = ("root", "targets", "snapshot", "timestamp")
NAMES = ("root-1", "root-2", "root-3", "targets", "snapshot", "timestamp")
_FILES = {role: tuple(f"{name}.pem" for name in NAMES if name.partition("-")[0] == role) for role in ROLES}


@dataclass(frozen=True, kw_only=True)
class Keys:
    """`signers` by role: those that are at hand, also such as are about to take another's place."""

    folder: Path
    signers: Mapping[str, tuple[CryptoSigner, ...]]

    def named(self, root: Root, role: str) -> tuple[CryptoSigner, ...]:
        """Those that `root` names for the role."""
        return tuple(each for each in self.signers[role] if each.public_key.keyid in root.roles[role].keyids)

    def can_sign(self, root: Root) -> bool:
        """Whether enough root keys are at hand for another root after `root`."""
        return len(self.named(root, "root")) >= ROOT_THRESHOLD


def require_apart(folder: Path, repository: Path) -> None:
    """Raise BadRepository where the keys would be served with the repository."""
    if folder.resolve().is_relative_to(repository.resolve()):
        raise BadRepository(
            f"{folder}: lies in the repository {repository}, which everybody can read; give --keys a folder elsewhere"
        )


def make_keys(folder: Path) -> None:
    """Make the keys that are missing. Killed at any moment, it goes on the next time."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="ascii")  # no key goes into a repository of sources by mistake
    for name in (name for names in _FILES.values() for name in names):
        if not (folder / name).exists():
            _write(folder / name, CryptoSigner.generate_ed25519().private_bytes)
    sync_folder(folder)


def read_keys(folder: Path) -> Keys:
    """The keys in `folder`; raises BadRepository where one is no key, or may be read by others."""
    present = {role: [file for name in _FILES[role] for file in _both(folder, name) if file.exists()] for role in ROLES}
    return Keys(folder=folder, signers={role: tuple(map(_read, files)) for role, files in present.items()})


def require_own(root: Root, keys: Keys) -> None:
    """Raise BadRepository where `keys` are not those that the root names."""
    for role in ROLES[1:]:
        if not keys.named(root, role):
            reason = "not a key of this repository" if keys.signers[role] else "not there"
            raise BadRepository(
                f"{keys.folder / role}.pem: {reason}; give --keys the folder that the repository was made with"
            )
    if keys.signers["root"] and not keys.named(root, "root"):
        raise BadRepository(f"{keys.folder}: the root keys there are of another repository; give --keys its own folder")


def key_of(folder: Path, name: str) -> Key | None:
    """The public key of `name`, such as root-2; None where its file is not at hand."""
    file = folder / f"{name}.pem"
    return _read(file).public_key if file.exists() else None


def make_successor(folder: Path, name: str) -> Key:
    """Make a key that shall take the place of `name`, and return the public one; one made before is taken up."""
    new = _both(folder, f"{name}.pem")[1]
    if not new.exists():
        _write(new, CryptoSigner.generate_ed25519().private_bytes)
        sync_folder(folder)
    return _read(new).public_key


def settle(folder: Path, root: Root) -> None:
    """Let keys take the place of those that `root` does not name any more."""
    for role, names in _FILES.items():
        for old, new in (_both(folder, name) for name in names):
            if new.exists() and _read(new).public_key.keyid in root.roles[role].keyids:
                new.replace(old)
                sync_folder(folder)


def _both(folder: Path, name: str) -> tuple[Path, Path]:
    """The file of a key, and of the one that is to take its place."""
    return folder / name, folder / f"{name.removesuffix('.pem')}.new.pem"


def _read(file: Path) -> CryptoSigner:
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        raise BadRepository(f"{file}: others may read it (mode {mode:04o}); chmod 600, and think of whether they have")
    try:
        return CryptoSigner(load_pem_private_key(file.read_bytes(), None))
    except (ValueError, TypeError) as error:
        raise BadRepository(f"{file}: not a private key without a password in PEM form ({error})") from None


def _write(file: Path, content: bytes) -> None:
    partial = file.with_name(f".{file.name}.partial")
    partial.unlink(missing_ok=True)
    # Never readable by others, not even for a moment.
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    partial.replace(file)
