"""A file onto the device, from where an earlier upload of it ended."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from edge.deploy.conversation import Device, talking
from edge.deploy.seen import LOOK_SECONDS, PLAIN, SILENCE_SECONDS, program
from edge.device.errors import Unavailable

_CHUNK = 2**16
_DISK_SECONDS = 600.0  # that a slow card may take to hash and sync the largest bundle

Sent = Callable[[int, int], None]


async def upload(device: Device, source: Path | bytes, size: int, sha256: str, place: str, sent: Sent) -> int:
    """Make `place` on the device a file of these contents; the bytes that were sent for it.

    `sent` gets the bytes that are there, and `size`, as it goes on.
    Raises Unavailable where the disk there is full, or the file does not arrive as it is.
    """
    words = [*PLAIN, program("receive.py"), place, str(size), sha256, f"{SILENCE_SECONDS:g}"]
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        async with talking(device, words) as receiver:
            told = await receiver.hear(_DISK_SECONDS)
            if told is None:
                await receiver.end(LOOK_SECONDS)
                raise Unavailable(f"{device.name}: takes no file; run the same command again")
            have = told.get("have")
            if not isinstance(have, int) or not 0 <= have <= size:
                raise Unavailable(f"{device.name}: says that it has {have!r} of {size:,} bytes; run it again")
            file.seek(have)
            start = have
            while have < size:
                chunk = _read(file, min(_CHUNK, size - have))
                if not await receiver.send(chunk):
                    break  # it says why
                have += len(chunk)
                sent(have, size)
            ended = await receiver.hear(_DISK_SECONDS)
            await receiver.end(LOOK_SECONDS)
    if not (ended or {}).get("done"):
        raise Unavailable(f"{device.name}: {place} did not arrive; run the same command again")
    return have - start


def _read(file: BinaryIO, size: int) -> bytes:
    chunk = file.read(size)
    if not chunk:
        raise Unavailable("the bundle has become shorter while it was sent; make it again, then deploy it")
    return chunk
