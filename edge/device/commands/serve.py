"""serve: a small HTTP endpoint that goes on answering while versions change."""

from __future__ import annotations

import argparse
import socket
from functools import partial

from edge.device.errors import Unavailable
from edge.device.serve.candidate import Candidate, Wanted, Watch
from edge.device.serve.protocol import Options
from edge.device.serve.record import recorded, write_state
from edge.device.serve.supervisor import State, Supervisor
from edge.device.slots import root_at
from edge.device.subject import add_subject, artifact_of

HELP = "Answer POST /predict over HTTP, with whatever version is in use; changes versions without a failed request."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_subject(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (%(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="0 for any that is free (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of the runtime (%(default)s)")
    parser.add_argument(
        "--pixels", type=int, default=Options.pixels, help="the most that a request's pictures may hold (%(default)s)"
    )
    parser.add_argument(
        "--telemetry", action="store_true", help="count answers by label and confidence, in small files"
    )


def main(arguments: argparse.Namespace) -> int:
    root = root_at(arguments.root)
    options = Options(
        runtime=arguments.runtime,
        threads=arguments.threads,
        engines=root.engines,
        telemetry=root.telemetry if arguments.telemetry else None,
        pixels=arguments.pixels,
    )
    with _bound(arguments.host, arguments.port) as listener:
        if arguments.bundle is not None:
            with artifact_of(arguments) as artifact:
                wanted = Wanted(stamp=artifact, candidates=(Candidate(artifact=artifact),))
                return _told(Supervisor(listener, lambda: wanted, _forget, options, persists=False).run())
        with recorded(root):
            record = partial(write_state, root, listener.getsockname()[:2])
            return _told(Supervisor(listener, Watch(root).look, record, options, persists=True).run())


def _told(reason: str) -> int:
    if reason:
        raise Unavailable(reason)
    return 0


def _forget(_: State) -> None:
    """What was given by name is in no slot: nobody waits to hear of it."""


def _bound(host: str, port: int) -> socket.socket:
    """A socket that has its address and does not listen yet: clients are told that nobody is there."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise Unavailable(f"{host} port {port}: cannot listen there ({error}); choose with --host, --port") from None
    return listener
