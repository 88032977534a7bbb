"""Python on the device: started with its arguments quoted, heard as JSON lines, ended with its error as ours."""

import asyncio
import json
import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import asyncssh

from edge.device.errors import EdgewiseError, ProofFailed, Unavailable

_LONGEST = 4 * 2**20  # bytes of a line
_MOST_WORDS = 2**14  # bytes of the error output that are kept
_NO_PROGRAM = (126, 127)  # a shell's exit codes where the program is not there, or cannot be started


@dataclass(frozen=True, kw_only=True)
class Device:
    """A connection, what people call the device behind it, and its Python: a program's name or path, "~/" in front is
    the home there."""

    connection: asyncssh.SSHClientConnection
    name: str
    python: str = "python3"


class Conversation:
    """A program that runs on the device."""

    def __init__(self, device: Device, process: asyncssh.SSHClientProcess[bytes]) -> None:
        self._device = device
        self._process = process
        self._unread = b""
        self._words = b""
        self._listening = asyncio.create_task(self._listen())

    async def hear(self, patience: float) -> dict[str, Any] | None:
        """The next JSON line, None after the last.

        Raises Unavailable where none comes for `patience` seconds, or what comes is none; with what the device says is
        wrong where that is what it says.
        """
        try:
            async with asyncio.timeout(patience):
                line = await self._line()
        except TimeoutError:
            raise Unavailable(
                f"{self._device.name}: no answer for {patience:g} s; the device keeps a version that works: look at it "
                "with ssh, then run the same command again"
            ) from None
        if line is None:
            return None
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise Unavailable(
                f"{self._device.name}: said {plain(line.decode(errors='replace'))[:80]!r}, which is not what the "
                "runner says; does a start-up file of its shell print something?"
            )
        if isinstance(told.get("error"), str):
            raise Unavailable(
                f"{self._device.name}: {plain(told['error'])}; mend that, then run the same command again"
            )
        return told

    async def send(self, data: bytes) -> bool:
        """Give the program `data`; False where it takes no more."""
        try:
            self._process.stdin.write(data)
            await self._process.stdin.drain()
        except BrokenPipeError:
            return False
        return True

    async def end(self, patience: float) -> None:
        """Wait for its end; raises what `error_of` makes of it where it is not a good one."""
        with suppress(BrokenPipeError):
            self._process.stdin.write_eof()
        while await self.hear(patience) is not None:
            pass
        await self._listening
        await self._process.wait_closed()
        if self._process.exit_status != 0:
            raise error_of(self._device, self._process.exit_status, self._words)

    def stop(self) -> None:
        """Listen no more; the program's input ends."""
        self._listening.cancel()
        self._process.close()

    async def _line(self) -> bytes | None:
        while b"\n" not in self._unread:
            chunk = await self._process.stdout.read(2**16)
            self._unread += chunk
            if len(self._unread) > _LONGEST:
                raise Unavailable(f"{self._device.name}: says more than a runner says; is it one?")
            if not chunk:
                return None
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    async def _listen(self) -> None:
        """Read all of the error output, as it would block otherwise, and keep its end."""
        while chunk := await self._process.stderr.read(2**12):
            self._words = (self._words + chunk)[-_MOST_WORDS:]


@asynccontextmanager
async def talking(device: Device, words: Sequence[str], program: str = "") -> AsyncIterator[Conversation]:
    """Start the device's Python, or another `program`, with the arguments `words`; it is stopped in the end."""
    command = command_line(program or device.python, words)
    process = await device.connection.create_process(command, encoding=None)
    conversation = Conversation(device, process)
    try:
        yield conversation
    finally:
        conversation.stop()


async def ask(device: Device, words: Sequence[str], patience: float) -> dict[str, Any]:
    """The one JSON object that a program says."""
    async with talking(device, words) as conversation:
        told = await conversation.hear(patience)
        await conversation.end(patience)
    if told is None:
        raise Unavailable(f"{device.name}: {words[0]} said nothing; expected a JSON object")
    return told


def command_line(program: str, words: Sequence[str]) -> str:
    """A line for the device's shell, in which nothing but a leading ~/ of `program` means anything to it."""
    home = "~/" if program.startswith("~/") else ""
    return home + " ".join(shlex.quote(each) for each in (program.removeprefix("~/"), *words))


def error_of(device: Device, status: int | None, output: bytes) -> EdgewiseError:
    """What a program that ended badly said last, with its exit code: 3 where a model does not answer as proven."""
    if status in _NO_PROGRAM:
        return Unavailable(
            f"{device.name}: {device.python} is not there, or cannot be started; install it (apt install python3), or "
            "name another with --python"
        )
    lines = [plain(line) for line in output.decode(errors="replace").splitlines() if line.strip()]
    said = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")] or lines[-1:]
    if status is None or status < 0:
        return Unavailable(
            f"{device.name}: the program there was killed (too little memory?), or the connection was lost; run the "
            "same command again, what has arrived is not sent twice"
        )
    words = "\n".join(f"{device.name}: {line}" for line in said or [f"ended with exit code {status}, and no message"])
    return ProofFailed(words) if status == ProofFailed.exit_code else Unavailable(words)


def plain(text: str) -> str:
    """`text` without what moves a terminal's cursor or changes its colours: a device's words are not ours."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:2000]
