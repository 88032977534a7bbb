"""What is remembered of a fleet outlives processes, and two of them at once."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from edge.deploy.address import Address
from edge.device.errors import Unavailable
from edge.fleet import state
from edge.fleet.inventory import Member
from edge.fleet.row import Told

DOOR = Member(
    name="door", address=Address(host="door"), target="cpu", board="", root="", key=None, python="python3"
)  # fmt: skip
TOLD = Told(version="1.2.0", health="serving", drift=0.3, fallback=("no delegate",))

WRITER = """
import sys
from pathlib import Path
from edge.fleet import state
from edge.fleet.row import Told
for number in range(100):
    with state.opened(Path(sys.argv[1])) as database:
        state.note_seen(database, sys.argv[2], float(number), Told(version=str(number)))
        state.note_deployment(database, sys.argv[2], float(number), "tiny", "1.0.0", "installed", "", 1.0)
"""


def test_device_that_is_off_keeps_what_it_told_last(tmp_path: Path) -> None:
    with state.opened(tmp_path / "state") as database:
        state.note_seen(database, "door", 100.0, TOLD)
        state.note_problem(database, "door", 200.0, "no answer")
    with state.opened(tmp_path / "state") as database:
        (row,) = state.rows_of(database, [DOOR])
    assert (row.tried, row.last_seen, row.problem, row.told) == (200.0, 100.0, "no answer", TOLD)
    assert (row.state, row.is_well, row.drift_words) == ("unreachable", False, "0.30 large")


def test_later_news_are_not_overwritten_by_earlier_ones(tmp_path: Path) -> None:
    with state.opened(tmp_path / "state") as database:
        state.note_seen(database, "door", 200.0, TOLD)
        state.note_problem(database, "door", 100.0, "no answer")
        state.note_seen(database, "door", 100.0, Told())
        (row,) = state.rows_of(database, [DOOR])
    assert (row.problem, row.told) == ("", TOLD)


def test_device_that_was_never_asked_is_a_row(tmp_path: Path) -> None:
    with state.opened(tmp_path / "state") as database:
        (row,) = state.rows_of(database, [DOOR])
    assert (row.state, row.last_seen, row.told) == ("not asked yet", None, Told())


def test_latest_deployment_is_told(tmp_path: Path) -> None:
    with state.opened(tmp_path / "state") as database:
        for version, outcome in (("1.0.0", "installed"), ("1.1.0", "failed")):
            state.note_deployment(database, "door", 1.0, "tiny", version, outcome, "", 2.0)
        (row,) = state.rows_of(database, [DOOR])
        assert database.execute("SELECT count(*) FROM deployment").fetchone() == (2,)
    assert row.deployment == "tiny 1.1.0 failed"


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    commands = [[sys.executable, "-c", WRITER, str(tmp_path / "state"), name] for name in ("door", "gate")]
    writers = [subprocess.Popen(command) for command in commands]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    with state.opened(tmp_path / "state") as database:
        assert database.execute("SELECT count(*) FROM deployment").fetchone() == (200,)
        assert database.execute("SELECT name, last_seen FROM device ORDER BY name").fetchall() == [
            ("door", 99.0),
            ("gate", 99.0),
        ]


def test_file_of_another_kind_or_of_a_newer_edgewise_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database at all, but long enough to be looked at" * 50)
    with pytest.raises(Unavailable, match="expected the state of a fleet"), state.opened(tmp_path / "text"):
        pass
    with sqlite3.connect(tmp_path / "newer") as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(Unavailable, match="of format 99, this Edgewise reads 1"), state.opened(tmp_path / "newer"):
        pass
    with pytest.raises(Unavailable, match="unable to open"), state.opened(tmp_path / "nowhere" / "state"):
        pass
