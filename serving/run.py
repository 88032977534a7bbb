"""Starts the server: one process, or a supervisor with several workers on one socket."""

import contextlib
import functools
import logging
import os
import shutil
import signal
import socket
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterator

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from edge.device.errors import BadSetting, EdgewiseError, Unavailable
from serving.connection import Connection
from serving.http import ASGI
from serving.metrics import DIRECTORY
from serving.settings import Place, Settings
from serving.state import SUPERVISOR, State

# Forward secrecy and authenticated encryption alone: no CBC, no RSA key exchange (RFC 9325, 4.2).
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
DRAIN = 30  # seconds that requests get to end after SIGTERM
_BACKLOG = 1024


def serve(settings: Settings, place: Place) -> None:
    """Serve until SIGTERM or SIGINT, then let the requests at work end.

    Raises Unavailable where the port cannot be had, BadSetting for a certificate that does not fit, and what `State`
    raises where the artefact is not to be served.
    """
    _check_certificate(place)
    listener = _listen(place)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    if place.workers == 1:
        state = State(settings)
        uvicorn.Server(_configure(functools.partial(_wrap, state), place, settings.seconds)).run(sockets=[listener])
        return
    with _counters() as counters:
        os.environ.update({SUPERVISOR: str(os.getpid()), DIRECTORY: counters})
        supervisor = _Supervisor(_configure(functools.partial(_work, settings), place, settings.seconds), [listener])
        supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise Unavailable("the workers could not start; the reason stands above")


def _configure(app: Callable[[], ASGI], place: Place, seconds: float) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=True,
        workers=place.workers,
        loop="uvloop",
        http=functools.partial(Connection, body_seconds=seconds),  # type: ignore[arg-type] # as good as a class
        ws="none",
        interface="asgi3",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=DRAIN,
        ssl_certfile=place.certificate,
        ssl_keyfile=place.certificate_key,
        ssl_ciphers=_CIPHERS,
    )


class _Supervisor(Multiprocess):
    """Starts a worker anew where one dies; passes SIGHUP on, which makes each reload its model."""

    def handle_hup(self) -> None:
        for process in self.processes:
            if process.pid is not None:
                os.kill(process.pid, signal.SIGHUP)


def _work(settings: Settings) -> ASGI:
    """The application of one of several workers."""
    try:
        return _wrap(State(settings))
    except EdgewiseError as error:
        print(f"error {error}", file=sys.stderr)  # noqa: T201 - the worker's only way to say it
        sys.exit(STARTUP_FAILURE)


def _wrap(state: State) -> ASGI:
    from serving.bento import make_app

    return make_app(state)


def _listen(place: Place) -> socket.socket:
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    try:
        return socket.create_server((place.host, place.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise Unavailable(
            f"{place.host} port {place.port}: cannot listen there ({error.strerror}); choose with --host, --port"
        ) from None


def _check_certificate(place: Place) -> None:
    if place.certificate is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(place.certificate, place.certificate_key)
    except OSError as error:  # ssl.SSLError is one
        raise BadSetting(f"{place.certificate}: no certificate to use ({error}); expected PEM files") from None


@contextlib.contextmanager
def _counters() -> Iterator[str]:
    """The folder in which the workers' counters are added up."""
    folder = tempfile.mkdtemp(prefix="edgewise-metrics-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
