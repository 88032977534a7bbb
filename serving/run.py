"""Starts the server: one process, or a supervisor with several workers on one socket."""

import contextlib
import functools
import logging
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import uvicorn

from edge.device.errors import BadSetting, Unavailable
from serving.connection import Connection
from serving.counters import counters_folder, hold_folder
from serving.exits import one_line_exits
from serving.http import ASGI
from serving.metrics import DIRECTORY
from serving.settings import Place, Settings
from serving.state import SUPERVISOR, State
from serving.supervisor import Supervisor

# Forward secrecy and authenticated encryption alone: no CBC, no RSA key exchange (RFC 9325, 4.2).
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
DRAIN = 30  # seconds that requests get to end after SIGTERM
_KEEP_ALIVE = 75  # seconds; longer than load balancers keep idle connections (60), or they would send into a closed one
_BACKLOG = 1024


def serve(settings: Settings, place: Place) -> None:
    """Serve until SIGTERM or SIGINT, then let the requests at work end; tells on standard output when it is ready.

    Raises Unavailable where the port cannot be had, BadSetting for a certificate that does not fit, what `State` raises
    where the artefact is not to be served, and KeyboardInterrupt after SIGINT.
    """
    _check_certificate(place)
    _log()
    listener = _listen(place)
    place = replace(place, port=listener.getsockname()[1])  # which the system chose where it was 0
    if place.workers == 1:
        _make_server(settings, place, functools.partial(print, flush=True)).run(sockets=[listener])
        return
    with counters_folder() as counters:
        os.environ.update({SUPERVISOR: str(os.getpid()), DIRECTORY: str(counters)})
        Supervisor(functools.partial(_work, settings, place, listener), place.workers).run()


def _work(settings: Settings, place: Place, listener: socket.socket, pipe: Pipe) -> None:
    """One of several workers."""
    with one_line_exits():
        _log()
        hold_folder(Path(os.environ[DIRECTORY]))
        server = _make_server(settings, place, functools.partial(_tell_supervisor, pipe))
        threading.Thread(target=_end_with_supervisor, args=(pipe, server), daemon=True).start()
        server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """Calls `on_ready` when it serves."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # there is a handler now
        self._on_ready()


def _make_server(settings: Settings, place: Place, tell: Callable[[str], None]) -> _Server:
    """A server whose model is loaded and proven; it tells, when it is ready, what it serves."""
    state = State(settings)
    model = state.model
    line = f"serving {model.name} {model.version} in {model.runtime} on {place.url}"
    return _Server(_configure(functools.partial(_wrap, state), place, settings.seconds), functools.partial(tell, line))


def _tell_supervisor(pipe: Pipe, line: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # it is gone, which ends this worker
        pipe.send_bytes(line.encode())


def _end_with_supervisor(pipe: Pipe, server: uvicorn.Server) -> None:
    """End `server` as SIGTERM would where the supervisor is gone: its end of `pipe` is closed, however it ended."""
    with contextlib.suppress(EOFError, OSError):
        pipe.recv_bytes()
    server.should_exit = True


def _configure(app: Callable[[], ASGI], place: Place, seconds: float) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=True,
        loop="uvloop",
        http=functools.partial(Connection, body_seconds=seconds),  # type: ignore[arg-type] # as good as a class
        ws="none",
        interface="asgi3",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=DRAIN,
        ssl_certfile=place.certificate,
        ssl_keyfile=place.certificate_key,
        ssl_ciphers=_CIPHERS,
    )


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
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(place.certificate, place.certificate_key, _no_password)
    except OSError as error:  # ssl.SSLError is one
        raise BadSetting(f"{place.certificate}: no certificate to use ({error}); expected PEM files") from None


def _no_password() -> str:
    """OpenSSL calls this for a key that is encrypted, and would ask on the terminal otherwise."""
    raise BadSetting("certificate key: encrypted; expected one without a password: openssl pkey -in KEY -out PLAIN")


def _log() -> None:
    """What operators shall see of ours, and only errors of others; to standard error."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    logging.getLogger("edgewise").setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
