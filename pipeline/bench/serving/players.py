"""What takes turns on a task: a server, or the calls in process."""

import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import numpy as np

from edge.device.errors import Unavailable
from pipeline.bench.cores import Cores, running_on
from pipeline.bench.process_tree import cpu_seconds, memory
from pipeline.bench.serving.candidates import Candidate
from pipeline.bench.serving.connection import Connection
from pipeline.bench.serving.figures import Turn, percentile
from pipeline.bench.serving.load import closed_loop
from pipeline.bench.serving.server import Server, free_port, running
from pipeline.bench.serving.tasks import Task, environment_of_task, write_content
from pipeline.stage import ROOT

_WARM_UP = 0.3  # seconds at the head of each turn that do not count
_TOLERANCE = 1e-4  # of logits and scores: those that come as JSON are rounded


class Player(Protocol):
    def turn(self, clients: int, seconds: float) -> Turn:
        """What it does in so many seconds, with so many clients that each wait for their answer."""
        ...

    def memory_bytes(self) -> int:
        """What it holds, pages that processes share divided among them."""
        ...


@dataclass(frozen=True, kw_only=True)
class Serving:
    """A server that is paused between its turns."""

    server: Server
    request: bytes

    def turn(self, clients: int, seconds: float) -> Turn:
        port, request, root = self.server.port, self.request, self.server.root
        with self.server.awake():
            closed_loop(port, request, clients, seconds=_WARM_UP)
            before = cpu_seconds(root)
            load = closed_loop(port, request, clients, seconds=seconds)
            taken = cpu_seconds(root) - before
        return Turn(
            throughput=load.accepted / load.seconds,
            cpu=taken / load.accepted,
            p50=statistics.median(load.latencies),
            p99=percentile(load.latencies, 0.99),
        )

    def memory_bytes(self) -> int:
        return memory(self.server.root).proportional


@dataclass(frozen=True, kw_only=True)
class Calling:
    """A loop around the model in a process of its own, which is told by lines how long to go on."""

    pid: int
    told: IO[str]
    tells: IO[str]

    def turn(self, clients: int, seconds: float) -> Turn:  # noqa: ARG002 - however many wait, one calls
        self._loop(_WARM_UP)
        return self._loop(seconds)

    def _loop(self, seconds: float) -> Turn:
        self.told.write(f"{seconds}\n")
        self.told.flush()
        return Turn(**json.loads(self.tells.readline()))

    def memory_bytes(self) -> int:
        return memory(self.pid).proportional


@contextlib.contextmanager
def serving(name: str, candidate: Candidate, task: Task, cores: Cores, folder: Path) -> Iterator[Serving]:
    """The server of a candidate, on its core.

    Raises Unavailable where it does not start, or does not answer what the model does in process.
    """
    port = free_port()
    own = folder / f"{task.kind}-{name}"
    own.mkdir()
    command = candidate.command(task, port, own)
    environment = {**environment_of_task(task, port), **candidate.environment}
    with running(
        name, command, port, candidate.ready_path, own / "log", cores=cores.server, environment=environment
    ) as server:
        player = Serving(server=server, request=candidate.requests[task.kind](task))
        _check(candidate, task, player)
        server.pause()
        yield player


@contextlib.contextmanager
def calling(task: Task, cores: Cores, folder: Path) -> Iterator[Calling]:
    """The calls in process, on the core of the servers."""
    module, file = "pipeline.bench.serving.apps.in_process", write_content(task, folder)
    with (folder / f"{task.kind}-calls.log").open("wb") as log, running_on(cores.server):
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(file)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT,
            env={**os.environ, **environment_of_task(task, 0)},
        )  # fmt: skip
    with process:
        if process.stdin is None or process.stdout is None or process.stdout.readline() != "ready\n":
            raise Unavailable(f"calls in process: not started (exit status {process.wait()}); see {log.name}")
        yield Calling(pid=process.pid, told=process.stdin, tells=process.stdout)


def _check(candidate: Candidate, task: Task, player: Serving) -> None:
    name = player.server.name
    with contextlib.closing(Connection(player.server.port)) as connection:
        answer = connection.ask(player.request)
    if answer.status != 200:
        raise Unavailable(f"{name}: answered {answer.status}, expected 200: {answer.body[:500]!r}")
    found, expected = candidate.read(answer, task), candidate.expect(task)
    if found.shape != expected.shape or not np.allclose(found, expected, rtol=0, atol=_TOLERANCE):
        raise Unavailable(f"{name}: answered {found}, the model in process {expected}; they must agree")
