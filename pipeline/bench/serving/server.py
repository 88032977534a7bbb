"""A server under measurement: started, waited for, stopped in its tracks while others have their turn, ended."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.device.errors import Unavailable
from pipeline.bench.cores import running_on
from pipeline.bench.process_tree import processes_below
from pipeline.bench.serving.connection import Connection, encode

_START_SECONDS = 120.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.005


@dataclass(frozen=True, kw_only=True)
class Server:
    """`ready_after`: seconds from its start to the first 200 of its readiness path."""

    name: str
    root: int
    port: int
    ready_after: float

    def processes(self) -> list[int]:
        return [each.pid for each in processes_below(self.root)]

    def pause(self) -> None:
        """Stop all its processes: some poll their queues while idle, which would cost the others."""
        self._signal(signal.SIGSTOP)

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        """Go on after `pause`, and pause again."""
        self._signal(signal.SIGCONT)
        try:
            yield
        finally:
            self.pause()

    def _signal(self, number: signal.Signals) -> None:
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)


@contextlib.contextmanager
def running(
    name: str,
    command: Sequence[str],
    port: int,
    ready_path: str,
    log: Path,
    *,
    cores: frozenset[int],
    environment: Mapping[str, str],
) -> Iterator[Server]:
    """The server that `command` starts on `cores`, once it is ready; ended afterwards, with all its children.

    Raises Unavailable where it ends early or is not ready after two minutes, with the end of its log.
    """
    start = time.perf_counter()
    with log.open("wb") as output, running_on(cores):
        process = subprocess.Popen(
            list(command), stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **environment}
        )
    try:
        _wait(name, process, port, ready_path, log)
        yield Server(name=name, root=process.pid, port=port, ready_after=time.perf_counter() - start)
    finally:
        _end(process)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait(name: str, process: "subprocess.Popen[bytes]", port: int, ready_path: str, log: Path) -> None:
    request = encode("GET", ready_path, {})
    last = time.perf_counter() + _START_SECONDS
    while time.perf_counter() < last and process.poll() is None:
        with contextlib.suppress(ConnectionError), contextlib.closing(Connection(port)) as connection:
            if connection.ask(request).status == 200:
                return
        time.sleep(_POLL_SECONDS)
    tail = log.read_text(errors="replace")[-2000:]
    raise Unavailable(f"{name}: not ready at {ready_path} (exit status {process.poll()}); its log ends:\n{tail}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    family = [each.pid for each in processes_below(process.pid)]
    for member in family:  # a paused one would not hear that it shall end
        os.kill(member, signal.SIGCONT)
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for member in family[1:]:  # those that outlive their parent
        with contextlib.suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)
