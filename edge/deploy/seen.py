"""What a device tells of itself before anything is done to it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from typing import Annotated, Any, TypeVar

import asyncssh
from pydantic import ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from edge.deploy.conversation import Conversation, Device, ask, plain, talking
from edge.device.errors import Unavailable
from edge.device.slots import RUNNER

LOOK_SECONDS = 60.0  # a small board with a slow card starts Python in some seconds
SILENCE_SECONDS = 40.0  # after which the device takes us for dead: longer than the network may be (connection.py)
_BEAT_SECONDS = 5.0
# That a deployment waits for another to end, and for an install: one that was cut off may have left them at work.
DEPLOYMENT_SECONDS = 5.0
INSTALL_SECONDS = 30.0
PLAIN = ("-I", "-S", "-c")  # a Python with its standard library alone, which starts sooner

# Of what a newer runner says besides, this one knows nothing.
_LENIENT = ConfigDict(extra="ignore")

Count = Annotated[int, Field(ge=0)]
Kind = TypeVar("Kind")


@dataclass(frozen=True, kw_only=True, config=_LENIENT)
class Refusal:
    """A version that the server was to serve and does not."""

    version: str | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True, config=_LENIENT)
class Server:
    """What a running server says of itself."""

    state: str
    slot: str | None = None
    version: str | None = None
    runtime: str | None = None
    reason: str = ""
    fallback: list[str] = Field(default_factory=list)
    refused: Refusal | None = None
    latency_ms: FiniteFloat | None = None


@dataclass(frozen=True, kw_only=True, config=_LENIENT)
class Status:
    """What the runner's `status` says."""

    id: str | None = None
    target: str | None = None
    board: str | None = None
    slot: str | None = None
    name: str | None = None
    version: str | None = None
    server: Server | None = None
    telemetry: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, config=_LENIENT)
class Facts:
    """What a device is and has, where there is no runner, too. `trusted`: public keys as PEM. `installed`: hexadecimal
    SHA-256 of the bundle.json in use. `incoming`: bytes of the files there by name."""

    root: str
    python: str
    machine: str
    model: str | None
    free_bytes: Count
    writable: bool
    trusted: list[str]
    installed: str | None
    own_runner: bool
    incoming: dict[str, Count]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """`status`: None where no runner is there yet."""

    facts: Facts
    status: Status | None

    def place(self, name: str) -> str:
        """The path of a file in incoming."""
        return f"{self.facts.root}/incoming/{name}"


@asynccontextmanager
async def held(device: Device, root: str, runner: str) -> AsyncIterator[Seen]:
    """Look, and be the one deployment at work there for as long as the context lasts.

    `runner`: the name of the one in incoming that is asked for the status, if it is there.
    Raises Unavailable where another deployment is at work.
    """
    seconds = [f"{each:g}" for each in (SILENCE_SECONDS, DEPLOYMENT_SECONDS, INSTALL_SECONDS)]
    async with talking(device, [*PLAIN, program("look.py"), root, "hold", *seconds]) as holder:
        told = await _heard(device, holder)
        if told.get("busy"):
            what = plain(str(told["busy"]))
            raise Unavailable(f"{device.name}: another {what} is at work there; wait for it, then run this again")
        beating = asyncio.create_task(_beat(holder))
        try:
            yield await _seen(device, told, runner)
            await holder.end(LOOK_SECONDS)
        finally:
            beating.cancel()


async def look(device: Device, root: str, runner: str = "") -> Seen:
    """Look, and change nothing."""
    async with talking(device, [*PLAIN, program("look.py"), root, "look"]) as looking:
        told = await _heard(device, looking)
        await looking.end(LOOK_SECONDS)
    return await _seen(device, told, runner)


def program(name: str) -> str:
    """The source of a program for the device."""
    return (files("edge.deploy") / "remote" / name).read_text(encoding="utf-8")


async def _heard(device: Device, conversation: Conversation) -> Mapping[str, Any]:
    told = await conversation.hear(LOOK_SECONDS)
    if told is None:
        await conversation.end(LOOK_SECONDS)
        raise Unavailable(f"{device.name}: its Python says nothing; try: ssh, and python3 --version")
    return told


async def _beat(holder: Conversation) -> None:
    with suppress(asyncssh.Error, OSError):
        while await holder.send(b"\n"):
            await asyncio.sleep(_BEAT_SECONDS)


async def _seen(device: Device, told: Mapping[str, Any], runner: str) -> Seen:
    facts = _checked(device, Facts, told)
    program = f"{facts.root}/incoming/{runner}" if runner in facts.incoming else None
    if program is None and facts.own_runner:
        program = f"{facts.root}/current/{RUNNER}"
    if program is None:
        return Seen(facts=facts, status=None)
    status = await ask(device, [program, "status", "--root", facts.root], LOOK_SECONDS)
    return Seen(facts=facts, status=_checked(device, Status, status))


def _checked(device: Device, kind: type[Kind], told: Mapping[str, Any]) -> Kind:
    try:
        return TypeAdapter(kind).validate_python(dict(told))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise Unavailable(
            f"{device.name}: what it says of itself cannot be read: {plain(field)}: {plain(first['msg'])}; "
            "is this Edgewise older than the one there?"
        ) from None
