"""Publishes in a child that is killed before its k-th change of the disk. Orders are JSON lines on standard input:

    {"repository": ..., "keys": ..., "bundles": [...], "rollout": 25, "renew": "targets", "kill_before": 7}

The answer to each: how many changes there were, and the signal that ended the child, 0 where none did.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from edge.updates.order import Order
from edge.updates.plan import Terms
from edge.updates.publication import publish
from edge.updates.renewal import renew_key

CHANGES = ("os.rename", "os.mkdir", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.truncate")


def is_change(event: str, arguments: tuple[Any, ...]) -> bool:
    if event != "open":
        return event in CHANGES
    flags = arguments[2] if isinstance(arguments[2], int) else 0
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def child(order: dict[str, Any], pipe: int) -> None:
    count = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        if is_change(event, arguments) and str(arguments[0]).startswith(order["within"]):
            count += 1
            os.write(pipe, b".")
            if count == order["kill_before"]:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    repository, keys, bundles = Path(order["repository"]), Path(order["keys"]), tuple(map(Path, order["bundles"]))
    if order["renew"]:
        renew_key(repository, keys, order["renew"], Terms())
    else:
        publish(repository, keys, Order(bundles=bundles, rollout=order["rollout"]), Terms())


for line in sys.stdin:
    order = json.loads(line)
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        child(order, writing)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        changes = len(told.read())
    status = os.waitpid(process, 0)[1]
    sys.stdout.write(
        json.dumps({"changes": changes, "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0}) + "\n"
    )
    sys.stdout.flush()
