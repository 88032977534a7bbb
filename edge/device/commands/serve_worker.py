"""serve-worker: one process of `serve`, started by its supervisor. Not for people."""

from __future__ import annotations

import argparse
import socket
from pathlib import Path

from edge.device.serve.protocol import Options

HELP = "One process of serve, which starts it."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--artifact", type=Path, required=True)
    parser.add_argument("--slot", default="")
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--exchange", type=_pair, required=True)
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pixels", type=int, default=Options.pixels)
    parser.add_argument("--engines", type=Path)
    parser.add_argument("--telemetry", type=Path)


def main(arguments: argparse.Namespace) -> int:
    from edge.device.serve.loop import Sockets
    from edge.device.serve.worker import work

    out_of, into = arguments.exchange
    sockets = Sockets(
        listener=socket.socket(fileno=arguments.fd),
        exchange=(socket.socket(fileno=out_of), socket.socket(fileno=into)),
    )
    options = Options(
        runtime=arguments.runtime,
        threads=arguments.threads,
        engines=arguments.engines,
        telemetry=arguments.telemetry,
        pixels=arguments.pixels,
    )
    return work(arguments.artifact, arguments.slot, sockets, socket.socket(fileno=arguments.control), options)


def _pair(text: str) -> tuple[int, int]:
    first, _, second = text.partition(",")
    return int(first), int(second)
