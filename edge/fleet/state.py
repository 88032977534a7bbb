"""What is remembered of a fleet, in one SQLite file: what each device told last, and what was deployed when."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from edge.device.errors import Unavailable
from edge.fleet.inventory import Member
from edge.fleet.row import Row, Told

VERSION = 1
_SECONDS = 20.0  # that another process may take to write

_SCHEMA = """
CREATE TABLE device (
    name TEXT PRIMARY KEY, tried REAL, last_seen REAL, problem TEXT NOT NULL DEFAULT '', told TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE TABLE deployment (
    id INTEGER PRIMARY KEY, device TEXT NOT NULL, at REAL NOT NULL, model TEXT NOT NULL, version TEXT NOT NULL,
    outcome TEXT NOT NULL, words TEXT NOT NULL, seconds REAL NOT NULL
) STRICT;
CREATE INDEX deployment_by_device ON deployment (device, at);
"""

_TOLD = TypeAdapter(Told)


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The file at `path`, made where it is new. Several processes may have it open.

    Raises Unavailable where it is of a newer Edgewise, no such file, or cannot be written.
    """
    try:
        with closing(sqlite3.connect(path, timeout=_SECONDS, isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            _prepare(database, path)
            yield database
    except sqlite3.Error as error:
        raise Unavailable(
            f"{path}: {error}; expected the state of a fleet: delete it, and what is known of devices that are off is "
            "lost, or name another with --state"
        ) from None


def note_seen(database: sqlite3.Connection, name: str, at: float, told: Told) -> None:
    """A device was reached and told this."""
    database.execute(
        "INSERT INTO device (name, tried, last_seen, problem, told) VALUES (?, ?, ?, '', ?) "
        "ON CONFLICT (name) DO UPDATE SET tried = excluded.tried, last_seen = excluded.last_seen, problem = '', "
        "told = excluded.told WHERE excluded.tried >= coalesce(tried, 0)",
        (name, at, at, json.dumps(asdict(told))),
    )


def note_problem(database: sqlite3.Connection, name: str, at: float, problem: str) -> None:
    """A device was not reached; what it told before stays."""
    database.execute(
        "INSERT INTO device (name, tried, problem) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE "
        "SET tried = excluded.tried, problem = excluded.problem WHERE excluded.tried >= coalesce(tried, 0)",
        (name, at, problem),
    )


def note_deployment(
    database: sqlite3.Connection,
    name: str,
    at: float,
    model: str,
    version: str,
    outcome: str,
    words: str,
    seconds: float,
) -> None:
    """A deployment came to an end; the history is never shortened."""
    database.execute(
        "INSERT INTO deployment (device, at, model, version, outcome, words, seconds) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (name, at, model, version, outcome, words, seconds),
    )


def rows_of(database: sqlite3.Connection, members: Sequence[Member]) -> tuple[Row, ...]:
    """What is known of each device of the fleet, in its order."""
    known = {row[0]: row[1:] for row in database.execute("SELECT name, tried, last_seen, problem, told FROM device")}
    latest = dict(
        database.execute(
            "SELECT device, model || ' ' || version || ' ' || outcome FROM deployment WHERE id IN "
            "(SELECT max(id) FROM deployment GROUP BY device)"
        )
    )
    rows = []
    for member in members:
        tried, last_seen, problem, told = known.get(member.name, (None, None, "", "{}"))
        rows.append(
            Row(
                name=member.name,
                address=str(member.address),
                target=member.target,
                tried=tried,
                last_seen=last_seen,
                problem=problem,
                deployment=latest.get(member.name, ""),
                told=_told(told),
            )
        )
    return tuple(rows)


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new file; in one transaction, as two processes may find it new."""
    database.execute("BEGIN IMMEDIATE")
    try:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in filter(str.strip, _SCHEMA.split(";")):
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {VERSION}")
    finally:
        database.execute("COMMIT")
    if version > VERSION:
        raise Unavailable(
            f"{path}: of format {version}, this Edgewise reads {VERSION}; update it, or name another with --state"
        )


def _told(text: str) -> Told:
    """Of another version of Edgewise what can be read, which may be nothing: the device is asked again anyway."""
    try:
        return _TOLD.validate_json(text)
    except ValidationError:
        return Told()
