"""A worker as its supervisor sees it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from typing import Any

from edge.device.serve.candidate import Candidate, program_of
from edge.device.serve.protocol import END, HAND_OVER, Options, arguments_of

_DRAIN_SECONDS = 30.0  # for the requests that have begun
_MOST = 64 * 1024  # bytes of a line
SILENCE_SECONDS = 30.0  # that a worker may take between two signs of life


class Child:
    """`ready` is what the worker said of itself once it answered, None before; `reason`: why it will not."""

    def __init__(
        self, candidate: Candidate, listener: socket.socket, exchange: tuple[socket.socket, ...], options: Options
    ) -> None:
        self.candidate = candidate
        self.control, its = socket.socketpair()
        self.ready: dict[str, Any] | None = None
        self._failed = ""
        self._heard = b""
        self._heard_at = time.monotonic()
        self._deadline = time.monotonic() + candidate.patience
        descriptors = (exchange[0].fileno(), exchange[1].fileno())
        program, variables = program_of(candidate)
        told = arguments_of(candidate.artifact, candidate.slot, listener.fileno(), descriptors, its.fileno(), options)
        self.process = subprocess.Popen(
            [*program, *told],
            pass_fds=(listener.fileno(), *descriptors, its.fileno()),
            stdin=subprocess.DEVNULL,
            env={**os.environ, **variables},
        )
        its.close()
        self.control.setblocking(False)

    @property
    def exclusive(self) -> bool:
        """Whether it has an accelerator that no other process can use meanwhile."""
        return bool(self.ready and self.ready.get("exclusive"))

    def hear(self) -> None:
        """Take in what the worker has said."""
        try:
            while data := self.control.recv(4096):
                self._heard = (self._heard + data)[-_MOST:]
                self._heard_at = time.monotonic()
        except OSError:  # nothing more for now, or it has ended, which `reason` tells
            pass
        *lines, self._heard = self._heard.split(b"\n")
        for line in lines:
            self._take(line)

    def reason(self) -> str:
        """Why it does not answer any more, or will not; empty while it does or may."""
        code = self.process.poll()
        if code is not None:
            self.hear()
            ended = f"ended by signal {-code}" if code < 0 else f"ended with {code}"
            return self._failed or f"its worker {ended}"
        now = time.monotonic()
        if self.ready is None and now > self._deadline:
            return self._failed or f"its worker was not ready within {self.candidate.patience:g} s"
        if self.ready is not None and now > self._heard_at + SILENCE_SECONDS:
            return f"its worker gave no sign of life for {SILENCE_SECONDS:g} s"
        return ""

    def hand_over(self) -> None:
        self._leave(HAND_OVER)

    def end(self) -> None:
        self._leave(END)

    def gone(self) -> bool:
        """Whether it has ended; it is killed where it takes too long."""
        if self.process.poll() is None:
            if time.monotonic() <= self._deadline:
                return False
            self.kill()
        self.control.close()
        return True

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.control.close()

    def _leave(self, word: str) -> None:
        self._deadline = time.monotonic() + _DRAIN_SECONDS
        try:
            self.control.sendall(f"{word}\n".encode())
        except OSError:  # it has ended
            return

    def _take(self, line: bytes) -> None:
        try:
            said = json.loads(line)
        except ValueError:
            return
        if isinstance(said, dict) and isinstance(said.get("ready"), dict):
            self.ready = said["ready"]
        elif isinstance(said, dict):
            self._failed = str(said.get("failed", ""))[:2000]
