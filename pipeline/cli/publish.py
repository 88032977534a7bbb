"""publish: signed bundles into an update repository, which any web server can serve to a fleet."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.cli.progress import console

if TYPE_CHECKING:
    from edge.updates.listing import Row


def _number(_: click.Context, option: click.Parameter, value: float | None) -> float | None:
    """Refuse what no range holds and yet passes for one: a comparison with nan is never true."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is no number", param=option)
    return value


def _days(name: str, default: float, what: str) -> Callable[..., Any]:
    return click.option(
        f"--{name}-days", type=click.FloatRange(0, 36_500, min_open=True), default=default, show_default=True,
        callback=_number,
        help=f"How long the signature of {what} holds.",
    )  # fmt: skip


@click.command()
@click.argument("bundles", metavar="BUNDLE...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--repository", required=True, type=click.Path(path_type=Path, file_okay=False), help="Made where new.")
@click.option(
    "--keys", type=click.Path(path_type=Path, file_okay=False),
    help="Where the repository's own keys lie; made the first time.  [default: REPOSITORY-keys]",
)  # fmt: skip
@click.option("--key", type=click.Path(path_type=Path), help="Public key that must have signed the bundles.")
@click.option(
    "--rollout",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    callback=_number,
    help="How much of the fleet may have them.",
)
@click.option("--halt", multiple=True, metavar="BUNDLE", help="No device installs it from now on; repeatable.")
@click.option("--resume", multiple=True, metavar="BUNDLE", help="Undo --halt; repeatable.")
@click.option("--pin", multiple=True, metavar="DEVICE=VERSION", help="The only version for a device; repeatable.")
@click.option("--unpin", multiple=True, metavar="DEVICE", help="Undo --pin; repeatable.")
@click.option("--refresh", is_flag=True, help="Sign anew what has lived half of its time, and the timestamp.")
@click.option(
    "--renew-key",
    metavar="NAME",
    type=click.Choice(["root-1", "root-2", "root-3", "targets", "snapshot", "timestamp"]),
    help="Replace a key that may have been stolen; needs two root keys.",
)
@_days("root", 365, "the keys")
@_days("targets", 90, "the list of bundles")
@_days("snapshot", 90, "what belongs together")
@_days("timestamp", 7, "what is newest")
def publish(
    bundles: tuple[Path, ...], repository: Path, keys: Path | None, key: Path | None, rollout: float | None,
    halt: tuple[str, ...], resume: tuple[str, ...], pin: tuple[str, ...], unpin: tuple[str, ...], refresh: bool,
    renew_key: str | None, root_days: float, targets_days: float, snapshot_days: float, timestamp_days: float,
) -> None:  # fmt: skip
    """Put signed bundles into an update REPOSITORY, a folder of static files, and say which devices may have them.

    A BUNDLE is a file, or the name of one that stands there already. Devices fetch with `edgewise-device.pyz update`.
    Run it with --refresh at least every few days, or devices take the repository for frozen: docs/updates.md.

    \b
    Examples:
      edgewise publish flowers-1.2.0-coral.bundle --repository updates/ --rollout 5
      edgewise publish flowers-1.2.0-coral --repository updates/ --rollout 100
      edgewise publish --repository updates/ --halt flowers-1.2.0-coral
      edgewise publish --repository updates/ --refresh
    """
    from edge.updates.listing import listing
    from edge.updates.order import Order, pin_of
    from edge.updates.plan import Terms
    from edge.updates.publication import publish as carry_out
    from edge.updates.renewal import renew_key as renew

    order = Order(
        bundles=bundles, rollout=rollout, halt=halt, resume=resume,
        pin=tuple(map(pin_of, pin)), unpin=unpin, refresh=refresh,
    )  # fmt: skip
    if rollout is not None and not bundles:
        raise click.UsageError("--rollout: of which bundles? Give their files, or their names in the repository")
    terms = Terms(root=root_days, targets=targets_days, snapshot=snapshot_days, timestamp=timestamp_days)
    folder = keys or repository.with_name(f"{repository.resolve().name}-keys")
    if renew_key is not None:
        number = renew(repository, folder, renew_key, terms)
        console.print(f"[bold]publish[/]   {escape(renew_key)} is a new key, by {number}.root.json")
    made = carry_out(repository, folder, order, terms, key)
    shown = escape(os.path.relpath(repository))
    if not made.signed:
        console.print(f"[bold]publish[/]   up to date: {shown}")
    else:
        until = made.state.timestamp.signed.expires
        console.print(f"[bold]publish[/]   {shown}: {escape(', '.join(made.added)) or 'no new bundle'}")
        console.print(
            f"          signed {', '.join(made.signed)}; run it with --refresh before {until:%Y-%m-%d %H:%M} UTC"
        )
    if made.is_new:
        console.print(
            f"          keys: {escape(os.path.relpath(folder))}; keep root-*.pem elsewhere, each in another place"
        )
        console.print(f"          devices believe it by {shown}/metadata/1.root.json: docs/updates.md")
    for warning in made.warnings:
        console.print(f"          [yellow]{escape(warning)}[/]")
    Console(highlight=False).print(_table(listing(made.state)))


def _table(rows: "list[Row]") -> Table:
    table = Table("bundle", "board", title="in the repository", title_justify="left", title_style="bold")
    for name in ("KiB", "roll-out", "pinned devices"):
        table.add_column(name, justify="right")
    for row in rows:
        share = "[red]halted[/]" if row.is_halted else f"{row.percent:g} %"
        table.add_row(escape(row.file), escape(row.board), f"{row.size / 1024:,.1f}", share, str(row.pinned or ""))
    return table
