"""rollback: back to the version before."""

from __future__ import annotations

import argparse

from edge.device.commands.install import say
from edge.device.install import roll_back
from edge.device.subject import add_root, root_of

HELP = "Go back to the version in the other slot, once it has passed its self-test again."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_root(parser)
    parser.add_argument("--wait", type=float, default=60.0, help="seconds that a running server has (default: 60)")


def main(arguments: argparse.Namespace) -> int:
    roll_back(root_of(arguments), say, arguments.wait)
    return 0
