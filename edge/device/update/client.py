"""What an update repository offers, verified by python-tuf against what this device believes and has seen before.

ROOT/updates/root.json     believed from the start
ROOT/updates/metadata/     the metadata seen last, of which nothing may go back
ROOT/updates/policy.json   the roll-out seen last
ROOT/updates/download/     a bundle on its way
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tuf.api import exceptions
from tuf.api.metadata import Metadata, TargetFile, Targets, Timestamp
from tuf.ngclient import Updater, UpdaterConfig

from edge.device.errors import BadRepository, Unavailable
from edge.device.files import write_bytes
from edge.device.slots import Root
from edge.device.update import policy as policies
from edge.device.update.choice import Offer
from edge.device.update.fetcher import Fetcher
from edge.device.update.policy import Policy, policy_of
from edge.device.update.trust import trusted

ISSUED = "x-edgewise-issued"  # in timestamp.json: when it was signed, in seconds since 1970
_SLACK = timedelta(hours=25)  # by which clocks may differ; with a wrong time zone that still is no wrong clock
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class Seen:
    """The repository as it stands. `expires`: until when its word holds. `clock`: what is wrong with the device's
    clock, empty where nothing is."""

    offers: tuple[Offer, ...]
    policy: Policy
    expires: str
    clock: str


def look(root: Root, url: str, fetcher: Fetcher) -> Seen:
    """Refresh what is known of the repository at `url`.

    Raises BadRepository where it is not what the trusted keys signed, or older than what was seen before, or has
    expired, Unavailable where it cannot be reached, BadArtifact where nothing is trusted yet.
    """
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise BadRepository(f"{url}: expected the address of an update repository, such as https://example.org/updates")
    metadata = root.updates / "metadata"
    bootstrap = trusted(root)
    metadata.mkdir(parents=True, exist_ok=True)
    for left in metadata.glob("tmp*"):
        left.unlink()  # python-tuf's, of a look that was cut off
    with explained(url, fetcher):
        updater = Updater(
            metadata_dir=str(metadata),
            metadata_base_url=f"{url.rstrip('/')}/metadata/",
            fetcher=fetcher,
            config=UpdaterConfig(max_root_rotations=1024),
            bootstrap=bootstrap,
        )
        updater.refresh()
        # python-tuf tells of a target only by its name; the names are in the file that it has just verified and kept.
        names = Metadata[Targets].from_file(str(metadata / "targets.json")).signed.targets
        found = {name: updater.get_targetinfo(name) for name in names}
        timestamp = Metadata[Timestamp].from_file(str(metadata / "timestamp.json")).signed
        policy = _policy(root, url, fetcher, found.get(policies.NAME))
    return Seen(
        offers=tuple(offer_of(each) for name, each in found.items() if each is not None and name != policies.NAME),
        policy=policy,
        expires=timestamp.expires.isoformat(),
        clock=_doubt(timestamp.unrecognized_fields.get(ISSUED)),
    )


def fetch(root: Root, url: str, fetcher: Fetcher, offer: Offer) -> Path:
    """The bundle's file, whole and as it was signed for; what an earlier call had got of it is not asked for again.

    Raises BadRepository where other bytes come, Unavailable where it cannot be got; what came is kept for the next try.
    """
    folder = root.updates / "download"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{offer.sha256}.bundle"
    for other in folder.iterdir():
        if other != file:
            other.unlink()  # of a version that is not wanted any more
    target = TargetFile(length=offer.size, hashes={"sha256": offer.sha256}, path=offer.file)
    resumed = file.exists()
    with explained(url, fetcher):
        fetcher.complete(_address(url, target), offer.size, file)
        if resumed and not _is_sound(file, target):
            file.unlink()  # what an earlier life had left was damaged; that is no reason to suspect the server
            fetcher.complete(_address(url, target), offer.size, file)
        if not _is_sound(file, target):
            file.unlink()
            raise exceptions.LengthOrHashMismatchError(f"{offer.file} has another hash than {offer.sha256}")
    return file


def held(root: Root, offer: Offer) -> int:
    """Bytes of the bundle that are here already."""
    file = root.updates / "download" / f"{offer.sha256}.bundle"
    return file.stat().st_size if file.exists() else 0


def offer_of(target: TargetFile) -> Offer:
    """What the metadata says of a bundle; raises python-tuf's RepositoryError where it is no description of one."""
    custom: dict[str, Any] = target.custom or {}
    told = {name: custom.get(name, "") for name in ("name", "version", "target", "board")}
    digest = target.hashes.get("sha256", "")
    if not all(isinstance(value, str) for value in told.values()) or not _HASH.fullmatch(digest):
        raise exceptions.RepositoryError(f"{target.path}: what the repository says of it is no bundle's description")
    return Offer(file=target.path, size=target.length, sha256=digest, **told)


@contextmanager
def explained(url: str, fetcher: Fetcher) -> Iterator[None]:
    """What python-tuf refuses, in our words: what came, what was expected, what it may mean."""
    try:
        yield
    except exceptions.ExpiredMetadataError as error:
        now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        raise BadRepository(
            f"{url}: expired: {error}. This device's clock says {now}, the server's "
            f"{fetcher.server_time or 'nothing'}. Nobody has run `edgewise publish --refresh` in time, "
            "or an old state is shown to this device (a freeze), or the clock is wrong; nothing was changed"
        ) from None
    except exceptions.BadVersionNumberError as error:
        raise BadRepository(
            f"{url}: another version than expected: {error}. An older state than this device has seen is offered (a "
            "rollback), or files of different states (mix-and-match); nothing was changed"
        ) from None
    except exceptions.LengthOrHashMismatchError as error:
        raise BadRepository(
            f"{url}: not the file that was signed for: {error}. It was altered, or files of different states are mixed "
            "(mix-and-match); nothing was changed"
        ) from None
    except exceptions.UnsignedMetadataError as error:
        raise BadRepository(
            f"{url}: not signed by the keys that this device trusts: {error}. Nothing was changed; where the "
            "repository was made anew on purpose, give its root with --trust"
        ) from None
    except exceptions.RepositoryError as error:
        raise BadRepository(f"{url}: not a sound repository: {error}; nothing was changed") from None
    except exceptions.DownloadLengthMismatchError as error:
        raise BadRepository(f"{error} (endless data?); nothing was changed") from None
    except exceptions.DownloadHTTPError as error:
        raise Unavailable(f"{error}; is {url} an update repository, and is all of it there?") from None
    except exceptions.DownloadError as error:
        raise Unavailable(f"{error}; nothing was changed, and what came of a bundle is kept for the next try") from None


def _policy(root: Root, url: str, fetcher: Fetcher, target: TargetFile | None) -> Policy:
    if target is None:
        raise exceptions.RepositoryError(f"it has no {policies.NAME}, which `edgewise publish` makes")
    kept = root.updates / policies.NAME
    if kept.exists() and kept.stat().st_size == target.length:
        content = kept.read_bytes()
        try:
            target.verify_length_and_hashes(content)
        except exceptions.LengthOrHashMismatchError:
            pass  # another one
        else:
            return policy_of(content)
    content = fetcher.download_bytes(_address(url, target), min(target.length, policies.MOST_BYTES))
    target.verify_length_and_hashes(content)
    policy = policy_of(content)
    write_bytes(kept, content)
    return policy


def _is_sound(file: Path, target: TargetFile) -> bool:
    try:
        with file.open("rb") as opened:
            target.verify_length_and_hashes(opened)
    except exceptions.LengthOrHashMismatchError:
        return False
    return True


def _address(url: str, target: TargetFile) -> str:
    """Where a target stands: with its hash before its name, so that no name ever means two contents."""
    return f"{url.rstrip('/')}/targets/{target.hashes['sha256']}.{target.path}"


def _doubt(issued: Any) -> str:
    """What is wrong with a clock that stands before the time at which the repository was signed."""
    now = datetime.now(timezone.utc)
    if type(issued) is not int or now + _SLACK >= datetime.fromtimestamp(issued, timezone.utc):
        return ""
    signed = datetime.fromtimestamp(issued, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"the clock says {now.strftime('%Y-%m-%d %H:%M UTC')}, the repository was signed at {signed}: set the clock; "
        "until then this device cannot tell a repository that has expired"
    )
