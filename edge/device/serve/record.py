"""serve.json and serve.lock: what a running server says of itself, and that it runs."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from edge.device.errors import Unavailable
from edge.device.files import write_json
from edge.device.serve.supervisor import State
from edge.device.slots import Root


@contextmanager
def recorded(root: Root) -> Iterator[None]:
    """The right to be the one server of `root`; serve.json goes with it.

    Raises Unavailable where another server has it.
    """
    root.path.mkdir(parents=True, exist_ok=True)
    with root.server_lock.open("a") as file:
        _take(file, root)
        root.server.unlink(missing_ok=True)  # of a server that was killed
        try:
            yield
        finally:
            root.server.unlink(missing_ok=True)


def write_state(root: Root, address: tuple[str, int], state: State) -> None:
    """Write serve.json."""
    word = "serving" if state.serving else "starting" if state.reason == "starting" else "failed"
    body = {
        "pid": os.getpid(),
        "host": address[0],
        "port": address[1],
        "slot": state.serving.slot if state.serving else None,
        "name": state.told.get("name"),
        "version": state.told.get("version"),
        "runtime": state.told.get("runtime"),
        "fallback": state.told.get("fallback", []),
        "latency_ms": state.told.get("latency_ms"),
        "state": word,
        "reason": state.reason,
        "refused": state.refused,
    }
    write_json(root.server, body)


def _take(file: IO[str], root: Root) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Unavailable(f"{root.path}: a server runs there already; end it first, or name another --root") from None
