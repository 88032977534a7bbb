"""fleet: what many devices run and how they are, and bundles for all of them."""

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edge.device.errors import ProofFailed
from pipeline.cli.progress import console, reporting

if TYPE_CHECKING:
    from edge.fleet.rollout import Choice, Outcome
    from edge.fleet.row import Row

_COLOURS = {
    "serving": "green", "installed": "green", "failed": "red", "unreachable": "red", "empty": "yellow",
    "up to date": "green", "planned": "green", "not started": "yellow",
}  # fmt: skip

_devices = click.argument("devices", metavar="DEVICES.TOML", type=click.Path(path_type=Path))
_state = click.option(
    "--state", "state_file", type=click.Path(path_type=Path, dir_okay=False),
    help="SQLite file of what the devices told last.  [default: DEVICES.sqlite beside DEVICES.TOML]",
)  # fmt: skip
_ssh_config = click.option("--ssh-config", type=click.Path(path_type=Path), help="In place of ~/.ssh/config.")


@click.group()
def fleet() -> None:
    """Look at many devices, and deploy to them: those that a file lists, docs/devices.md."""


@fleet.command()
@_devices
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write one page of it, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@_state
@_ssh_config
def status(devices: Path, html: Path | None, as_json: bool, state_file: Path | None, ssh_config: Path | None) -> None:
    """Ask every device what it runs and how it is. Of one that cannot be reached the last that is known is shown.

    \b
    Examples:
      edgewise fleet status devices.toml
      edgewise fleet status devices.toml --html fleet.html
    """
    from edge.device.files import write_bytes
    from edge.fleet import state
    from edge.fleet.inventory import load_inventory
    from edge.fleet.page import render
    from edge.fleet.survey import survey

    members = load_inventory(devices)
    with state.opened(_beside(devices, state_file)) as database:
        with reporting() as report:
            asyncio.run(survey(members, database, ssh_config, report))
        rows = state.rows_of(database, members)
    now = time.time()
    if html is not None:
        write_bytes(html, render(rows, now, devices.stem).encode())
    if as_json:
        click.echo(json.dumps([{**asdict(row), "state": row.state} for row in rows], indent=2))
    else:
        _out().print(_table(rows, now))
        for row in rows:
            why = row.problem or (row.told.reason if row.told.health == "failed" else "")
            if why:
                console.print(f"[red]{escape(row.name)}[/]  {escape(why)}")
    if html is not None:
        console.print(f"[bold]fleet[/]     {escape(str(html))}")


@fleet.command()
@_devices
@click.argument("bundles", metavar="BUNDLE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--rollout", default="100%", metavar="N%", help="Only so much of the devices that a bundle is for.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this device; repeatable.")
@click.option("--dry-run", is_flag=True, help="Look at the devices, print what would be done, change nothing.")
@click.option("--at-once", default=8, show_default=True, type=click.IntRange(1, 256), help="Devices at a time.")
@click.option(
    "--stop-after", default=1, show_default=True, type=click.IntRange(0), metavar="N",
    help="When more than N failed, start no other.",
)  # fmt: skip
@click.option("--allow-downgrade", is_flag=True, help="Also an older version, or another model.")
@click.option("--wait", default=60.0, show_default=True, type=click.FloatRange(0), help="Seconds, as of deploy.")
@_state
@_ssh_config
def deploy(
    devices: Path, bundles: tuple[Path, ...], rollout: str, only: tuple[str, ...], dry_run: bool, at_once: int,
    stop_after: int, allow_downgrade: bool, wait: float, state_file: Path | None, ssh_config: Path | None,
) -> None:  # fmt: skip
    """Deploy to each device the BUNDLE of its target and board. Exit code 3 where one did not get it.

    A device that fails keeps what it had, and the others go on. One that is off does not count for --stop-after.

    \b
    Examples:
      edgewise fleet deploy devices.toml flowers-1.3.0-*.bundle --rollout 10%
      edgewise fleet deploy devices.toml flowers-1.3.0-coral.bundle --only door --dry-run
    """
    from edge.deploy.package import read_package, require_signed
    from edge.fleet import state
    from edge.fleet.inventory import load_inventory
    from edge.fleet.rollout import Terms, choose, roll_out

    percent, members = _percent(rollout), load_inventory(devices)
    choices = choose(members, [read_package(each) for each in bundles], percent, only)
    for choice in choices:
        if choice.package is not None and choice.member.key is not None:
            require_signed(choice.package, [choice.member.key])
    terms = Terms(
        at_once=at_once, stop_after=stop_after, allow_downgrade=allow_downgrade, wait=wait, dry_run=dry_run
    )  # fmt: skip
    with state.opened(_beside(devices, state_file)) as database, reporting() as report:
        outcomes = asyncio.run(roll_out(choices, database, ssh_config, terms, report))
    _out().print(_outcomes(choices, outcomes))
    counts = Counter(outcome.result for outcome in outcomes)
    console.print(
        f"[bold]fleet[/]     {', '.join(f'{count} {result}' for result, count in counts.items()) or 'nobody'}"
    )
    if counts["failed"] or counts["unreachable"] or counts["not started"]:
        raise ProofFailed(f"{devices}: not every device got its bundle; run the same command again for those")


def _percent(text: str) -> float:
    number = text.removesuffix("%").strip()
    try:
        percent = float(number)
    except ValueError:
        percent = -1.0
    if not 0 < percent <= 100:
        raise click.UsageError(f"--rollout {text}: expected a percentage above 0, up to 100, such as 10%")
    return percent


def _out() -> Console:
    """Standard output: as wide as the terminal, or wide enough for a program or file."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 150)


def _beside(devices: Path, told: Path | None) -> Path:
    return told or devices.with_suffix(".sqlite")


def _table(rows: "tuple[Row, ...]", now: float) -> Table:
    """The devices; columns that are empty for all of them are left out."""
    from edge.fleet.page import ago

    columns = {
        "device": [escape(row.name) for row in rows],
        "board": [escape(row.told.board or row.target) for row in rows],
        "version": [escape(f"{row.told.model} {row.told.version}".strip()) for row in rows],
        "slot": [escape(row.told.slot) for row in rows],
        "health": [f"[{_COLOURS.get(row.state, 'yellow')}]{row.state}[/]" for row in rows],
        "last seen": [ago(row.last_seen, now) for row in rows],
        "latency": ["" if row.told.latency_ms is None else f"{row.told.latency_ms:.1f} ms" for row in rows],
        "drift": [row.drift_words for row in rows],
        "fallback": [escape("; ".join(row.told.fallback)) for row in rows],
    }
    shown = {name: cells for name, cells in columns.items() if any(cells)}
    table = Table()
    for name in shown:
        justify: Literal["right", "left"] = "right" if name == "latency" else "left"
        table.add_column(name, justify=justify, no_wrap=name not in ("board", "fallback"))
    for cells in zip(*shown.values(), strict=True):
        table.add_row(*cells)
    return table


def _outcomes(choices: "tuple[Choice, ...]", outcomes: "tuple[Outcome, ...]") -> Table:
    done = {outcome.member.name: outcome for outcome in outcomes}
    table = Table("device", "bundle", "result", "")
    for choice in choices:
        outcome = done.get(choice.member.name)
        if outcome is None:
            table.add_row(escape(choice.member.name), "", "left out", escape(choice.words))
        else:
            colour = _COLOURS.get(outcome.result, "green" if outcome.result == "installed" else "red")
            file = outcome.package.description.file_name
            table.add_row(
                escape(choice.member.name), escape(file), f"[{colour}]{outcome.result}[/]", escape(outcome.words)
            )
    return table
