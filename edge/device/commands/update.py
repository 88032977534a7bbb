"""update: fetch the version that the fleet's repository has for this device, and install it."""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

from edge.device.commands.install import say
from edge.device.errors import EdgewiseError, Unavailable
from edge.device.slots import Root
from edge.device.subject import add_root, root_of
from edge.device.update.trust import trust

HELP = "Ask an update repository for a newer version, verify it, self-test it and switch to it. Needs Python 3.10."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_root(parser)
    parser.add_argument("--repository", required=True, metavar="URL", help="where `edgewise publish` files are served")
    parser.add_argument("--trust", type=Path, metavar="FILE", help="the repository's root.json, to believe from now on")
    parser.add_argument("--check", action="store_true", help="only say what would be done")
    parser.add_argument("--pin", default="", metavar="VERSION", help="take this version, and no other")
    parser.add_argument("--every", type=float, metavar="SECONDS", help="ask again and again, with some jitter")
    parser.add_argument("--wait", type=float, default=60.0, help="seconds that a running server has (default: 60)")
    parser.add_argument("--patience", type=float, default=30.0, help="seconds that the network has (default: 30)")


def main(arguments: argparse.Namespace) -> int:
    if sys.version_info < (3, 10):
        found = ".".join(map(str, sys.version_info[:3]))
        raise Unavailable(
            f"update needs Python 3.10 or newer, as python-tuf does, and this is {found}; use `edgewise deploy` instead"
        )
    root = root_of(arguments)
    if arguments.trust is not None:
        trust(root, arguments.trust)
    if arguments.every is None:
        _once(root, arguments)
        return 0
    first = True
    while True:
        try:
            _once(root, arguments)
        except (EdgewiseError, OSError) as error:
            say({"step": "failed", "error": str(error)})
        # At first anywhere in the span: devices that got their power back together shall not ask together for ever.
        share = random.uniform(0, 1) if first else random.uniform(0.95, 1.05)  # noqa: S311 - spreads, hides nothing
        first = False
        time.sleep(arguments.every * share)


def _once(root: Root, arguments: argparse.Namespace) -> None:
    # Here, as python-tuf is needed by nothing else and takes a third of a second to import.
    try:
        from edge.device.update.fetcher import Fetcher
        from edge.device.update.round import alone, check, update
    except ModuleNotFoundError as error:
        raise Unavailable(f"update needs the package {error.name}, which this runner was made without") from None
    fetcher = Fetcher(patience=arguments.patience)
    try:
        if arguments.check:
            with alone(root):
                check(root, arguments.repository, fetcher, say, pin=arguments.pin)
        else:
            update(root, arguments.repository, fetcher, say, pin=arguments.pin, wait=arguments.wait)
    finally:
        fetcher.close()
