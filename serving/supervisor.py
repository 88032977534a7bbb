"""Several workers on one socket: started, started anew where one ends, told to reload, and ended together."""

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from edge.device.errors import ProofFailed, Unavailable

_RETRY = 5.0  # seconds after a worker that could not start; long against the second that a start takes of a core
_LOOK = 0.2  # seconds between two looks for signals

_SPAWN = multiprocessing.get_context("spawn")  # runtimes have threads, which a fork would lose

log = logging.getLogger("edgewise")


@dataclass(kw_only=True)
class _Worker:
    """`pipe` brings the line that tells that it serves; when `due`, another one takes its place."""

    process: BaseProcess
    pipe: Connection
    ready: bool = False
    due: float | None = None


class Supervisor:
    """Keeps `count` processes at `work`.

    Each gets one end of a pipe: it sends a line, UTF-8, once it serves, and ends where the other end is closed, as the
    supervisor is gone then.
    """

    def __init__(self, work: Callable[[Connection], None], count: int) -> None:
        self._work = work
        self._count = count
        self._workers: list[_Worker] = []
        self._signals: list[int] = []
        self._served = False

    def run(self) -> None:
        """Until SIGTERM; SIGHUP is passed on.

        Raises KeyboardInterrupt after SIGINT. While no worker has served yet, one that ends is not started anew: raises
        ProofFailed where that is why it ended, else Unavailable.
        """
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(each, lambda number, _: self._signals.append(number))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        try:
            resource_tracker.ensure_running()  # by itself it starts with the first worker, and unblocks SIGINT there
            self._workers = [self._start() for _ in range(self._count)]
            while not self._told_to_end():
                self._workers = [self._look_after(worker) for worker in self._workers]
                living = [each for each in self._workers if each.due is None]
                wait(
                    [*(each.process.sentinel for each in living), *(each.pipe for each in living if not each.ready)],
                    _LOOK,
                )
        finally:
            self._end()

    def _told_to_end(self) -> bool:
        while self._signals:
            number = self._signals.pop(0)
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            if number == signal.SIGTERM:
                return True
            for worker in self._workers:
                if worker.due is not None:
                    worker.due = time.monotonic()  # what kept it from starting may be mended
                elif worker.process.is_alive() and worker.process.pid is not None:
                    os.kill(worker.process.pid, number)
        return False

    def _look_after(self, worker: _Worker) -> _Worker:
        """`worker`, or the one that takes its place."""
        if worker.due is None:
            self._hear(worker)
            if not worker.process.is_alive() and not self._signals:  # a signal may be why it ended: that comes first
                worker.due = self._bury(worker)
        return self._start() if worker.due is not None and time.monotonic() >= worker.due else worker

    def _hear(self, worker: _Worker) -> None:
        if worker.ready or not worker.pipe.poll():
            return
        try:
            line = worker.pipe.recv_bytes().decode()
        except EOFError:  # it has ended
            return
        if not self._served:
            print(line, flush=True)  # noqa: T201 - a server has no console of its own
        worker.ready = self._served = True

    def _bury(self, worker: _Worker) -> float:
        """When to start another one."""
        worker.process.join()
        worker.pipe.close()
        code = worker.process.exitcode
        if worker.ready:
            log.warning("worker %s ended with %s; another one starts", worker.process.pid, code)
            return time.monotonic()
        if self._served:
            log.error("a worker could not start, another one tries in %g s; the others go on", _RETRY)
            return time.monotonic() + _RETRY
        failure = ProofFailed if code == ProofFailed.exit_code else Unavailable
        raise failure(f"a worker ended with {code} before it served; what it said stands above")

    def _start(self) -> _Worker:
        mine, its = _SPAWN.Pipe()
        process = _SPAWN.Process(target=self._work, args=(its,))
        # The worker inherits what is blocked, and gets what came meanwhile when it has handlers.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP, signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        its.close()
        return _Worker(process=process, pipe=mine)

    def _end(self) -> None:
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()
