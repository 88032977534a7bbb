"""Asks every device of a fleet how it is; one that cannot be reached is an answer, too."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.deploy.connection import connected
from edge.deploy.conversation import Device
from edge.deploy.seen import look
from edge.device.errors import EdgewiseError
from edge.fleet import state
from edge.fleet.inventory import Member
from edge.fleet.row import told_by

Report = Callable[[str, int, int], None]

AT_ONCE = 32  # connections that are open at a time


async def survey(
    members: Sequence[Member], database: sqlite3.Connection, ssh_config: Path | None, report: Report
) -> None:
    """Ask all `members`, and write what they tell into the fleet's state as it comes in."""
    free, done = asyncio.Semaphore(AT_ONCE), 0

    async def one(member: Member) -> None:
        nonlocal done
        async with free:
            await ask(member, database, ssh_config)
        done += 1
        report("asking the devices", done, len(members))

    await asyncio.gather(*map(one, members))


async def ask(member: Member, database: sqlite3.Connection, ssh_config: Path | None) -> None:
    """Ask one device, and note what it tells, or why it does not."""
    at = time.time()
    try:
        async with connected(member.address, ssh_config) as connection:
            seen = await look(Device(connection=connection, name=member.name, python=member.python), member.root)
    except EdgewiseError as error:
        state.note_problem(database, member.name, at, str(error))
    else:
        state.note_seen(database, member.name, at, told_by(seen))
