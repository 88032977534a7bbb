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
from securesystemslib.signer import CryptoSigner

from edge.device.errors import BadRepository
from edge.device.files import sync_folder

ROOT_KEYS = 3  # one may be lost, and one stolen
ROOT_THRESHOLD = 2
ROLES = ("root", "targets", "snapshot", "timestamp")
_FILES = {
    "root": tuple(f"root-{number}.pem" for number in range(1, ROOT_KEYS + 1)),
    "targets": ("targets.pem",),
    "snapshot": ("snapshot.pem",),
    "timestamp": ("timestamp.pem",),
}


@dataclass(frozen=True, kw_only=True)
class Keys:
    """`signers` by role; of root those that are at hand, which may be none."""

    folder: Path
    signers: Mapping[str, tuple[CryptoSigner, ...]]

    def can_sign_root(self) -> bool:
        """Whether enough root keys are at hand."""
        return len(self.signers["root"]) >= ROOT_THRESHOLD


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
    """The keys in `folder`.

    Raises BadRepository where one that every publication needs is missing, is no key, or may be read by others.
    """
    signers = {role: tuple(_read(folder / name) for name in _present(folder, role)) for role in ROLES}
    return Keys(folder=folder, signers=signers)


def _present(folder: Path, role: str) -> list[str]:
    present = [name for name in _FILES[role] if (folder / name).exists()]
    if role != "root" and not present:
        raise BadRepository(
            f"{folder / _FILES[role][0]}: not there; give --keys the folder that the repository was made with"
        )
    return present


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
