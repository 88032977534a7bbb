"""A file onto the device: says {"have": bytes} that lie there from before, takes the rest from its input, and gives the
file its name when its hash is right.

Arguments: the path, its size, its hexadecimal SHA-256, seconds of silence after which the sender is taken for dead.
"""

import hashlib
import json
import os
import select
import sys
from pathlib import Path
from typing import Any, BinaryIO


def say(name: str, value: Any) -> None:
    sys.stdout.write(json.dumps({name: value}) + "\n")
    sys.stdout.flush()


def add(found: Any, file: BinaryIO) -> Any:
    for chunk in iter(lambda: file.read(2**18), b""):
        found.update(chunk)
    return found


def take(file: BinaryIO, have: int, size: int, found: Any, silence: float) -> bool:
    """Whether all of it came."""
    while have < size:
        ready = select.select([0], [], [], silence)[0]
        chunk = os.read(0, min(2**16, size - have)) if ready else b""
        if not chunk:
            return False
        found.update(chunk)
        have += len(chunk)
        while chunk:
            chunk = chunk[file.write(chunk) :]
    return True


def main(path: Path, size: int, sha256: str, silence: float) -> None:
    partial = path.with_name(path.name + ".partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file():
        # A name is given to what is whole; a disk may have spoiled it since.
        with path.open("rb") as file:
            if add(hashlib.sha256(), file).hexdigest() == sha256:
                say("have", size)
                say("done", True)
                return
        path.unlink()
    partial.touch(mode=0o600)
    # Never written over: two senders of the same file would add the same bytes in the same places.
    with partial.open("r+b", buffering=0) as file:
        if partial.stat().st_size > size:
            file.truncate(0)
        found, have = add(hashlib.sha256(), file), file.tell()
        say("have", have)
        if not take(file, have, size, found, silence):
            return
        if found.hexdigest() != sha256:
            partial.unlink()
            say("error", f"{path}: did not arrive as it was sent")
            return
        os.fsync(file.fileno())
    partial.rename(path)
    folder = os.open(str(path.parent), os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
    say("done", True)


try:
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], float(sys.argv[4]))
except OSError as error:
    say("error", f"{error.filename or sys.argv[1]}: {error.strerror or error}")
