"""Work that may crash runs in a child process: a crash is then an error message, and TensorFlow stays out of here."""

import multiprocessing
import os
import resource
import signal
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from edge.device.errors import ConversionFailed, EdgewiseError

Result = TypeVar("Result")


class Child:
    """A spawned Python that keeps its imports from call to call, and is started anew after a crash.

    Values travel by pickle between our own two processes alone, never to or from a file or the network. A call that
    takes more than `seconds` is ended; `memory` bounds the child's address space, in bytes.
    """

    def __init__(self, *, seconds: float | None = None, memory: int | None = None) -> None:
        self._seconds = seconds
        self._memory = memory
        self._context = multiprocessing.get_context("spawn")
        self._process: Any = None
        self._pipe: Connection | None = None
        self._log = Path(tempfile.mkstemp(prefix="edgewise-", suffix=".log")[1])

    def __enter__(self) -> "Child":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._log.unlink(missing_ok=True)

    def call(self, function: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
        """`function(*arguments, **named)`, run in the child; the function is one that can be imported.

        Raises what the function raises of our own errors; ConversionFailed where it raises another or crashes.
        """
        if self._process is None:
            self._start()
        if self._pipe is None:
            raise ConversionFailed("the child process did not start; run this again")
        self._pipe.send((function, arguments, named))
        if not self._pipe.poll(self._seconds):
            self._process.kill()
            self._stop()
            raise ConversionFailed(f"{function.__name__}: no answer in {self._seconds:g} s; {self._last_words()}")
        try:
            outcome, value = self._pipe.recv()
        except EOFError:
            self._process.join()
            raise ConversionFailed(
                f"{function.__name__}: {_death(self._process.exitcode)}; {self._last_words()}; often a layer or a "
                "shape that it does not know: simplify it, or choose another precision or target"
            ) from None
        finally:
            if not self._process.is_alive():
                self._stop()
        if outcome == "ours":
            raise value
        if outcome == "other":
            raise ConversionFailed(f"{function.__name__}: {value}; {self._last_words()}")
        return value  # type: ignore[no-any-return]

    def _start(self) -> None:
        self._pipe, end = self._context.Pipe()
        self._process = self._context.Process(target=_serve, args=(end, str(self._log), self._memory), daemon=True)
        self._process.start()
        end.close()

    def _stop(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        if self._process is not None:
            self._process.join(timeout=5)
            if self._process.is_alive():
                self._process.kill()
            self._process = None

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return f"it last wrote: {lines[-1][:300]}" if lines else "it wrote nothing"


def _serve(pipe: Connection, log: str, memory: int | None) -> None:
    """The child's life: answer calls until the parent hangs up."""
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    # Converters write their trouble to the terminal's descriptors, from C++ too.
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    while True:
        try:
            function, arguments, named = pipe.recv()
        except EOFError:
            return
        try:
            answer = ("result", function(*arguments, **named))
        except EdgewiseError as error:
            answer = ("ours", error)
        except Exception as error:  # noqa: BLE001 - the boundary: whatever a converter raises is reported by the parent
            answer = ("other", f"{type(error).__name__}: {error}"[:2000])
        pipe.send(answer)


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        return f"the converter crashed ({signal.Signals(-code).name})"
    return f"the converter ended with code {code}"
