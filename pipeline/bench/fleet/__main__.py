"""`make bench-fleet`: ten thousand devices poll one repository, on paper and for real on this machine."""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from edge.device.files import write_json
from edge.device.slots import Root
from edge.device.update.client import fetch
from edge.device.update.fetcher import Fetcher
from edge.device.update.round import check
from edge.updates.order import Order
from edge.updates.plan import Terms
from edge.updates.publication import publish
from pipeline.bench.fleet.materials import make_device, write_bundle
from pipeline.bench.fleet.paper import Day, days
from pipeline.bench.fleet.server import KINDS

_BUNDLE = 10**6  # bytes
_FIRST = 200  # devices that have never looked before
_CHECKS = 24  # a day

_console = Console(width=130, highlight=False)


@dataclass(frozen=True, kw_only=True)
class Round:
    """`requests` and `bytes` on the wire by kind of file, as the server counted them."""

    words: str
    checks: int
    fetched: int
    seconds: float
    requests: dict[str, int]
    bytes: dict[str, int]


@click.command()
@click.option("--devices", default=10_000, show_default=True, type=click.IntRange(min=10))
@click.option("--seconds", default=75.0, show_default=True, help="The longest that a round may take.")
@click.option("--json", "place", type=click.Path(path_type=Path), help="Write the figures there, too.")
def main(devices: int, seconds: float, place: Path | None) -> None:
    """Check for updates with the real client, device by device, each with its own view kept on disk.

    Takes about two and a half minutes.
    """
    with tempfile.TemporaryDirectory(prefix="edgewise-fleet-") as name:
        folder = Path(name)
        old, new = (write_bundle(folder, version, _BUNDLE) for version in ("1.1.0", "1.2.0"))
        repository, keys = folder / "updates", folder / "keys"
        publish(repository, keys, Order(bundles=(old,)), Terms())
        trusted = repository / "metadata" / "1.root.json"
        with _served(repository) as url:
            fresh = [make_device(folder / f"fresh-{at}", "1.1.0", trusted, None) for at in range(min(_FIRST, devices))]
            rounds = [_round("first check of a device", fresh, url, seconds)]
            _console.print(f"[dim]making {devices:,} devices[/]")
            fleet = [make_device(folder / f"device-{at}", "1.1.0", trusted, fresh[0]) for at in range(devices)]
            rounds.append(_round("nothing new", fleet, url, seconds))
            publish(repository, keys, Order(bundles=(new,), rollout=5), Terms())
            rounds.append(_round("release, rolled out to 5 %", fleet, url, seconds))
        _tell(devices, rounds, place)


def _tell(devices: int, rounds: list[Round], place: Path | None) -> None:
    """Show what was counted, and what comes of it on paper."""
    each = {kind: _each(rounds, kind) for kind in KINDS}
    planned = days(devices, _CHECKS, each, each["bundle"] or _BUNDLE)
    _show_rounds(rounds)
    _show_days(devices, planned)
    if place is not None:
        write_json(place, {"rounds": [vars(each) for each in rounds], "days": [vars(each) for each in planned]})


def _round(words: str, devices: list[Root], url: str, seconds: float) -> Round:
    """A check of each device, one after another, until the time is over; those that may have a bundle fetch it."""
    _console.print(f"[dim]{words}: {len(devices):,} devices[/]")
    _counted(url)
    checks, fetched, start = 0, 0, time.perf_counter()
    for device in devices:
        if time.perf_counter() - start > seconds:
            break
        fetcher = Fetcher()
        try:
            offer = check(device, url, fetcher, _unheard).offer
            checks += 1
            if offer is not None:
                fetch(device, url, fetcher, offer).unlink()
                fetched += 1
        finally:
            fetcher.close()
    took = time.perf_counter() - start
    counted = _counted(url)
    return Round(
        words=words,
        checks=checks,
        fetched=fetched,
        seconds=round(took, 3),
        requests={kind: counted[kind]["requests"] for kind in KINDS},
        bytes={kind: counted[kind]["bytes"] for kind in KINDS},
    )


def _unheard(step: dict[str, object]) -> None:
    """What a device would report."""
    del step


def _each(rounds: list[Round], kind: str) -> float:
    """Bytes of one request of that kind, with its answer, in the last round that had any; 0 where none had."""
    return next((each.bytes[kind] / each.requests[kind] for each in reversed(rounds) if each.requests[kind]), 0.0)


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "pipeline.bench.fleet.server", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def _counted(url: str) -> dict[str, dict[str, int]]:
    with urllib.request.urlopen(f"{url}/counters") as answer:  # noqa: S310 - our own server
        counted: dict[str, dict[str, int]] = json.load(answer)
    return counted


def _show_rounds(rounds: list[Round]) -> None:
    table = _table("on loopback, one client process and one server process", "round", "checks", "checks/s", "fetched")
    for name in ("requests a check", "bytes a check", "MB in all"):
        table.add_column(name, justify="right")
    for each in rounds:
        quiet = sum(count for kind, count in each.bytes.items() if kind != "bundle")
        requests = sum(count for kind, count in each.requests.items() if kind != "bundle")
        table.add_row(
            each.words, f"{each.checks:,}", f"{each.checks / each.seconds:,.0f}", f"{each.fetched:,}",
            f"{requests / each.checks:.1f}", f"{quiet / each.checks:,.0f}", f"{sum(each.bytes.values()) / 1e6:,.1f}",
        )  # fmt: skip
    _console.print(table)


def _show_days(devices: int, planned: list[Day]) -> None:
    table = _table(f"a day of {devices:,} devices that check every hour", "day", "requests", "a second")
    for kind in ("metadata MB", "bundles MB", "all MB"):
        table.add_column(kind, justify="right")
    for day in planned:
        whole, bundles = sum(day.bytes.values()), day.bytes["bundle"]
        table.add_row(
            day.words, f"{sum(day.requests.values()):,}", f"{day.per_second:.1f}",
            f"{(whole - bundles) / 1e6:,.0f}", f"{bundles / 1e6:,.0f}", f"{whole / 1e6:,.0f}",
        )  # fmt: skip
    _console.print(table)


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(first, title=title, title_justify="left", title_style="bold")
    for name in others:
        table.add_column(name, justify="right")
    return table


if __name__ == "__main__":
    main()
