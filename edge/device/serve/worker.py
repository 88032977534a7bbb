"""One process that answers: it loads its model, says so, and serves until it is told to end."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

from edge.device.errors import EdgewiseError
from edge.device.loading import Loaded, load
from edge.device.serve.answers import routes_of
from edge.device.serve.loop import ENDING, HANDING_OVER, Loop, Sockets
from edge.device.serve.protocol import HAND_OVER, Options
from edge.device.serve.served import Served, warm_up
from edge.device.telemetry import Telemetry

BODY_BYTES = 10 * 2**20
_EXCLUSIVE = ("litert-edgetpu",)  # runtimes whose accelerator is one process's at a time


def work(artifact: Path, slot: str, sockets: Sockets, control: socket.socket, options: Options) -> int:
    """Serve the artefact until the supervisor says to end, or is gone; the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    for number in (signal.SIGINT, signal.SIGHUP):  # of a terminal, to all: they are the supervisor's
        signal.signal(number, signal.SIG_IGN)
    leash = _Leash(control)
    try:
        served = _open(artifact, slot, options)
    except (EdgewiseError, OSError) as error:
        _tell(control, {"failed": str(error)})
        return error.exit_code if isinstance(error, EdgewiseError) else 2
    loop = Loop(sockets, routes_of(served), BODY_BYTES, lambda: _send(control, b"\n"))
    signal.signal(signal.SIGTERM, lambda *_: loop.tell(ENDING))
    leash.hold(loop)
    loaded = served.loaded
    ready = {
        "name": served.name,
        "version": served.version,
        "runtime": loaded.runtime,
        "fallback": list(loaded.fallback),
        "latency_ms": _latency(loaded),
        "exclusive": loaded.runtime in _EXCLUSIVE,
    }
    _tell(control, {"ready": ready})
    try:
        return loop.run()
    finally:
        if served.telemetry is not None:
            served.telemetry.close()


class _Leash:
    """Listens to the supervisor, in a thread: an end of the stream ends this process even while it loads its model."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._loop: Loop | None = None
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def hold(self, loop: Loop) -> None:
        """From now on `loop` is told."""
        with self._lock:
            self._loop = loop

    def _listen(self) -> None:
        heard = b""
        while words := _receive(self._control):
            *lines, heard = (heard + words).split(b"\n")
            for line in lines:
                self._pass(HANDING_OVER if line.decode() == HAND_OVER else ENDING)
        self._pass(ENDING)

    def _pass(self, state: str) -> None:
        with self._lock:
            if self._loop is None:
                os._exit(0)  # nobody was answered yet
            self._loop.tell(state)


def _open(artifact: Path, slot: str, options: Options) -> Served:
    loaded = load(artifact, options.runtime, engines=options.engines, threads=options.threads)
    warm_up()
    contract = loaded.contract
    telemetry = Telemetry(options.telemetry, contract.name, contract.version) if options.telemetry else None
    return Served(loaded=loaded, slot=slot, pixels=options.pixels, telemetry=telemetry)


def _latency(loaded: Loaded) -> float:
    """Milliseconds from raw bytes to logits, of one picture in the mean of the golden ones, which have warmed it up."""
    start = time.perf_counter()
    loaded.executor.run(loaded.golden.inputs)
    return round(1000 * (time.perf_counter() - start) / len(loaded.golden.inputs), 4)


def _receive(control: socket.socket) -> bytes:
    try:
        return control.recv(4096)
    except OSError:
        return b""


def _tell(control: socket.socket, message: dict[str, Any]) -> None:
    _send(control, (json.dumps(message) + "\n").encode())


def _send(control: socket.socket, data: bytes) -> None:
    try:
        control.sendall(data)
    except OSError:  # it is gone, which ends this worker
        return
