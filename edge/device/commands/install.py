"""install: a bundle becomes the version in use, once it has proven itself here."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from edge.device.install import install
from edge.device.subject import add_root, root_of

HELP = "Verify a bundle, self-test it in the idle slot, switch to it, and go back where a running server refuses it."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_root(parser)
    parser.add_argument("bundle", type=Path, help="the file, such as flowers-1.2.0-coral.bundle")
    parser.add_argument("--allow-downgrade", action="store_true", help="also an older version, or another model")
    parser.add_argument("--wait", type=float, default=60.0, help="seconds that a running server has (default: 60)")


def main(arguments: argparse.Namespace) -> int:
    install(
        arguments.bundle,
        root_of(arguments),
        allow_downgrade=arguments.allow_downgrade,
        report=say,
        wait=arguments.wait,
    )
    return 0


def say(step: dict[str, Any]) -> None:
    """A JSON line on standard output, at once; where nobody reads it any more, the work goes on all the same."""
    try:
        sys.stdout.write(json.dumps(step) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
