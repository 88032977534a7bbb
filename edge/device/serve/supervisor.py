"""Keeps one worker answering on one socket, and changes it for another without a request that fails.

A new worker is started beside the one that answers, on the same listening socket. Only when it says that it is ready
does the old one stop to accept, pass its idle connections on to it, end its requests and go. Where the new one fails,
the old one goes on. This process imports no numpy and holds nothing but the sockets and what it knows of the workers.
"""

from __future__ import annotations

import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edge.device.serve.candidate import Candidate, Wanted
from edge.device.serve.child import Child
from edge.device.serve.protocol import Options

POLL = 0.2  # seconds between two looks at what shall be served
_BACKLOG = 1024
_EXCHANGE_BYTES = 2**20
_SHORT_LIFE = 10.0  # seconds; a worker that ends sooner ended because of what it is
_PAUSES = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before the next start, by starts that failed in a row
_CRASHES = 3  # in a row, soon after it was ready: another version is tried


@dataclass
class State:
    """What a server says of itself; `refused`: the version that it was to serve and does not, and why."""

    serving: Candidate | None = None
    told: dict[str, Any] = field(default_factory=dict)
    reason: str = "starting"
    refused: dict[str, Any] | None = None


class Supervisor:
    """`wanted` is asked again and again; `record` gets every change of what is served.

    `persists`: goes on where nothing can be served, as it may be mended; otherwise `run` returns why.
    """

    def __init__(
        self,
        listener: socket.socket,
        wanted: Callable[[], Wanted],
        record: Callable[[State], None],
        options: Options,
        *,
        persists: bool,
    ) -> None:
        self._listener = listener
        self._exchange = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Room for all connections of a worker: nobody takes them out while an accelerator is freed for the next one.
        self._exchange[1].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _EXCHANGE_BYTES)
        self._ask = wanted
        self._record = record
        self._options = options
        self._persists = persists
        self._wanted = Wanted()
        self._state = State()
        self._active: Child | None = None
        self._next: Child | None = None
        self._leaving: list[Child] = []
        self._refused: dict[tuple[int, ...], str] = {}  # by stamp of the candidate: why
        self._attempts = 0
        self._failures = 0  # starts and short lives in a row
        self._since = self._due = 0.0
        self._listening = self._ending = self._hung_up = False

    def run(self) -> str:
        """Until SIGTERM or SIGINT, which let requests end; SIGHUP has it look at once, and try again what it refused.

        Empty, or why nothing can be served.
        """
        wake_in, wake_out = socket.socketpair()
        wake_in.setblocking(False)
        wake_out.setblocking(False)
        signal.set_wakeup_fd(wake_out.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._heed)
        self._tell()
        reason = ""
        while not self._ending and not reason:
            reason = self._step()
            with selectors.DefaultSelector() as selector:
                selector.register(wake_in, selectors.EVENT_READ)
                for child in filter(None, (self._active, self._next, *self._leaving)):
                    selector.register(child.control, selectors.EVENT_READ)
                if not reason and selector.select(POLL):
                    _drain(wake_in)
        self._end()
        return reason

    def _heed(self, number: int, _: object) -> None:
        self._hung_up = self._hung_up or number == signal.SIGHUP
        self._ending = self._ending or number != signal.SIGHUP

    def _step(self) -> str:
        """One look at everything; why the server has to end, if it has to."""
        self._look()
        self._leaving = [child for child in self._leaving if not child.gone()]
        for child in filter(None, (self._active, self._next, *self._leaving)):
            child.hear()
        if self._active is not None and (reason := self._active.reason()):
            self._lose(self._active, reason)
        if self._next is not None:
            self._follow(self._next)
        if self._next is None:
            self._begin()
        if not (self._listening or self._persists) and self._failures:
            return self._state.reason
        return ""

    def _look(self) -> None:
        wanted = self._ask()
        if wanted.stamp != self._wanted.stamp or self._hung_up:
            self._refused.clear()
            self._failures, self._due = 0, 0.0
            if self._next is not None and self._next.candidate not in wanted.candidates[:1]:
                self._next.kill()
                self._next = None
        self._hung_up = False
        self._wanted = wanted

    def _choice(self) -> Candidate | None:
        """The best candidate that was not refused; where all were, the best: what ails it may pass."""
        candidates = self._wanted.candidates
        good = [each for each in candidates if each.stamp not in self._refused]
        return next(iter((*good, *candidates)), None)

    def _begin(self) -> None:
        """Start a worker where another one than the present is to serve."""
        choice = self._choice()
        if choice is None:
            if self._active is None and self._state.reason != _NOTHING:
                _say(f"{_NOTHING}; waiting for an installation")
                self._change(serving=None, told={}, reason=_NOTHING)
            return
        if self._active is not None:
            if choice == self._active.candidate or choice.stamp in self._refused:
                return
            if self._active.exclusive:
                self._dismiss()
        if time.monotonic() >= self._due and not any(child.exclusive for child in self._leaving):
            try:
                self._next = Child(choice, self._listener, self._exchange, self._options)
            except OSError as error:
                self._fail(choice, f"no worker can be started ({error})")

    def _follow(self, child: Child) -> None:
        """See whether the worker that was started can serve."""
        if child.ready is None:
            if reason := child.reason():
                child.kill()
                self._next = None
                self._fail(child.candidate, reason)
            return
        self._dismiss()
        self._active, self._next, self._since = child, None, time.monotonic()
        if not self._listening:
            self._listener.listen(_BACKLOG)  # before that, clients are told that nobody is there
            self._listening = True
        best = self._wanted.candidates[:1] == (child.candidate,)
        refused = None if best else self._state.refused
        self._change(serving=child.candidate, told=child.ready, reason="", refused=refused)
        name, version, runtime = (child.ready.get(each) for each in ("name", "version", "runtime"))
        _say(f"serving {name} {version} in {runtime} on {self._url()}")
        for sentence in child.ready.get("fallback", ()):
            _say(sentence)

    def _url(self) -> str:
        host, port, *_ = self._listener.getsockname()
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def _dismiss(self) -> None:
        if self._active is not None:
            self._active.hand_over()
            self._leaving.append(self._active)
            self._active = None

    def _lose(self, child: Child, reason: str) -> None:
        """The worker that answered has ended; requests wait in the socket for the next one."""
        _say(f"{reason}; another one starts")
        child.kill()
        self._active = None
        if time.monotonic() - self._since > _SHORT_LIFE:
            self._failures, self._due = 0, 0.0
            self._change(serving=None, told={}, reason=reason)
            return
        if self._failures + 1 < _CRASHES:
            self._pause()
            self._change(serving=None, told={}, reason=reason)
        else:
            self._fail(child.candidate, f"{reason}, again and again soon after its start")

    def _fail(self, candidate: Candidate, reason: str) -> None:
        """`candidate` cannot be served: another one is, or it is tried again later."""
        _say(f"{candidate.slot or candidate.artifact} {candidate.version}: {reason}")
        first = self._wanted.candidates[:1] == (candidate,)
        self._refused[candidate.stamp] = reason
        self._attempts += 1
        refused = {"slot": candidate.slot, "version": candidate.version, "reason": reason, "attempt": self._attempts}
        others = [each for each in self._wanted.candidates if each.stamp not in self._refused]
        if self._active is None and not others:
            self._pause()
            self._change(serving=None, told={}, reason=reason)
        elif self._active is None:
            self._failures, self._due = 0, 0.0
        self._change(refused=refused if first else self._state.refused)

    def _pause(self) -> None:
        self._due = time.monotonic() + _PAUSES[min(self._failures, len(_PAUSES) - 1)]
        self._failures += 1

    def _change(self, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(self._state, name, value)
        self._tell()

    def _tell(self) -> None:
        try:
            self._record(self._state)
        except OSError as error:  # a full disk keeps nobody from an answer
            _say(f"what is served cannot be written down ({error})")

    def _end(self) -> None:
        if self._listening:
            self._listener.shutdown(socket.SHUT_RDWR)  # of all who have it: nobody is to wait for an answer any more
        if self._next is not None:
            self._next.kill()
        if self._active is not None:
            self._active.end()
            self._leaving.append(self._active)
        for child in self._leaving:
            child.end()
        while self._leaving:
            self._leaving = [child for child in self._leaving if not child.gone()]
            time.sleep(0.01)  # a worker's end wakes nobody here


_NOTHING = "nothing is installed"


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _drain(wake: socket.socket) -> None:
    try:
        wake.recv(4096)
    except BlockingIOError:
        return
