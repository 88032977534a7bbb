"""A bundle for each device of a fleet: who gets which is planned as data, then carried out, some at a time."""

import asyncio
import math
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.deploy.connection import connected
from edge.deploy.conversation import Device
from edge.deploy.deployment import deploy, planned
from edge.deploy.package import Package
from edge.deploy.plan import Settings
from edge.device.errors import BadSetting, EdgewiseError, Unreachable
from edge.device.update.policy import position
from edge.fleet import state
from edge.fleet.inventory import Member
from edge.fleet.survey import ask

Report = Callable[[str, int, int], None]
Result = Literal["installed", "up to date", "planned", "failed", "unreachable", "not started"]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a device is to get, and why nothing where it is nothing."""

    member: Member
    package: Package | None
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    member: Member
    package: Package
    result: Result
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """`stop_after`: as many may fail, one more and no other is started. What cannot be reached says nothing about the
    bundle and does not count."""

    at_once: int = 8
    stop_after: int = 1
    allow_downgrade: bool = False
    wait: float = 60.0
    dry_run: bool = False


def choose(
    members: Sequence[Member], packages: Sequence[Package], percent: float = 100, only: Sequence[str] = ()
) -> tuple[Choice, ...]:
    """For each device the bundle of its target and board, where it has its turn.

    `percent`: how much of the devices that a bundle is for get it, at least one; more percent never leave out one that
    had its turn. `only`: names; all where it is empty.
    Raises BadSetting where a name is unknown, or two bundles are for the same devices.
    """
    unknown = set(only) - {member.name for member in members}
    if unknown:
        raise BadSetting(f"--only {min(unknown)}: no such device; there are {', '.join(each.name for each in members)}")
    fitting = {member.name: _fitting(member, packages) for member in members}
    turns = {
        name
        for package in packages
        for name in _first([each.name for each in members if fitting[each.name] is package], package, percent)
    }
    choices = []
    for member in members:
        package = fitting[member.name]
        if package is None:
            kind = f"{member.target}, {member.board}" if member.board else member.target
            choices.append(Choice(member=member, package=None, words=f"no bundle for {kind} was given"))
        elif (only and member.name not in only) or (not only and member.name not in turns):
            why = "not asked for" if only else f"not among the first {percent:g} %"
            choices.append(Choice(member=member, package=None, words=why))
        else:
            choices.append(Choice(member=member, package=package))
    return tuple(choices)


async def roll_out(
    choices: Sequence[Choice],
    database: sqlite3.Connection,
    ssh_config: Path | None,
    terms: Terms,
    report: Report,
) -> tuple[Outcome, ...]:
    """Deploy to each device that has a package, `terms.at_once` at a time; the state notes what came of it.

    One that fails ends nothing, too many that fail keep the rest from being started.
    """
    chosen = [(each.member, each.package) for each in choices if each.package is not None]
    free, outcomes = asyncio.Semaphore(terms.at_once), list[Outcome]()

    async def one(member: Member, package: Package) -> None:
        async with free:
            failed = sum(each.result == "failed" for each in outcomes)
            if failed > terms.stop_after:
                words = f"{failed} devices failed before it"
                outcome = Outcome(member=member, package=package, result="not started", words=words)
            else:
                outcome = await _deploy(member, package, database, ssh_config, terms)
        outcomes.append(outcome)
        report("deploying", len(outcomes), len(chosen))

    await asyncio.gather(*(one(member, package) for member, package in chosen))
    place = {member.name: at for at, (member, _) in enumerate(chosen)}
    return tuple(sorted(outcomes, key=lambda each: place[each.member.name]))


async def _deploy(
    member: Member, package: Package, database: sqlite3.Connection, ssh_config: Path | None, terms: Terms
) -> Outcome:
    settings = Settings(
        root=member.root,
        key=member.key,
        target=member.target,
        board=member.board,
        allow_downgrade=terms.allow_downgrade,
        wait=terms.wait,
    )
    at = time.time()
    result: Result
    try:
        async with connected(member.address, ssh_config) as connection:
            device = Device(connection=connection, name=member.name, python=member.python)
            if terms.dry_run:
                steps = (await planned(device, package, settings)).steps
                words = ", ".join(step.act for step in steps)
                return Outcome(member=member, package=package, result="planned" if steps else "up to date", words=words)
            done = await deploy(device, package, settings, lambda *_: None)
            result, words = ("up to date", "") if done.plan.up_to_date else ("installed", f"slot {done.slot}")
    except Unreachable as error:
        result, words = "unreachable", str(error)
    except EdgewiseError as error:
        result, words = "failed", str(error)
    if not terms.dry_run:
        told = package.description
        seconds = time.time() - at
        state.note_deployment(database, member.name, at, told.name, told.version, result, words, seconds)
        if result == "unreachable":
            state.note_problem(database, member.name, at, words)
        else:
            await ask(member, database, ssh_config)
    return Outcome(member=member, package=package, result=result, words=words)


def _fitting(member: Member, packages: Sequence[Package]) -> Package | None:
    """The one for the device's board, else the one for any board of its target."""
    for board in dict.fromkeys((member.board, "")):
        found = [
            each for each in packages if (each.description.target, each.description.board) == (member.target, board)
        ]
        if len(found) > 1:
            names = " and ".join(str(each.file) for each in found)
            raise BadSetting(f"{names}: both are for {member.name}; give one bundle for each target and board")
        if found:
            return found[0]
    return None


def _first(names: Sequence[str], package: Package, percent: float) -> list[str]:
    """As many as the percentage asks for, always in the same order for the same bundle."""
    file = package.description.file_name
    return sorted(names, key=lambda name: position(name, file))[: math.ceil(len(names) * percent / 100)]
